import type { Operation, Plan, Situation } from './operations.ts';
import { maxSnapshots } from './shapes.ts';

interface Range {
  readonly offset: number;
  readonly length: number;
}

function anyRange({ model, random }: Situation, most: number): Range {
  const offset = random.below(model.size);
  return { offset, length: 1 + random.below(Math.min(most, model.size - offset)) };
}

const QEMU_IO = ['qemu-io', '-f', 'qcow2', '-t', 'unsafe', '-d', 'unmap'];

/** Several commands to one process. */
const io = (commands: readonly string[]): readonly string[] => [
  ...QEMU_IO,
  ...commands.flatMap((command) => ['-c', command]),
  'IMAGE',
];

function write(situation: Situation): Plan {
  const { random, shape } = situation;
  const most = random.chance(3) ? 4 * shape.clusterSize : 5000;
  const writes = Array.from({ length: 1 + random.below(4) }, () => {
    const { offset, length } = anyRange(situation, Math.min(most, 3 * 2 ** 20));
    return { offset, bytes: new Uint8Array(length).fill(1 + random.below(255)) };
  });
  return {
    text: `write ${writes.map(({ offset, bytes }) => `${offset}+${bytes.length}`).join(' ')}`,
    ours: writes.map((each) => ({ op: 'write', ...each })),
    qemu: [
      io(writes.map(({ offset, bytes }) => `write -q -P ${bytes[0]} ${offset} ${bytes.length}`)),
    ],
    apply: (model) => writes.forEach(({ bytes, offset }) => model.write(bytes, offset)),
  };
}

function zero(situation: Situation): Plan {
  const { random, shape } = situation;
  const { offset, length } = anyRange(situation, 6 * shape.clusterSize);
  const unmap = random.chance(2);
  return {
    text: `zero ${offset}+${length}${unmap ? ' unmap' : ''}`,
    ours: [{ op: 'zero', offset, length, unmap }],
    qemu: [io([`write -q -z ${unmap ? '-u ' : ''}${offset} ${length}`])],
    apply: (model) => model.zero(offset, length),
  };
}

/** Whole clusters: what becomes of parts is each program's own affair. */
function discard({ model, shape, random }: Situation): Plan | undefined {
  const { clusterSize } = shape;
  const clusters = Math.floor(model.size / clusterSize);
  if (clusters === 0) return undefined;
  const first = random.below(clusters);
  const count = 1 + random.below(Math.min(4, clusters - first));
  const [offset, length] = [first * clusterSize, count * clusterSize];
  return {
    text: `discard ${offset}+${length}`,
    ours: [{ op: 'discard', offset, length }],
    qemu: [io([`discard -q ${offset} ${length}`])],
    apply: (to) => to.zero(offset, length),
  };
}

function resize({ model, shape, random }: Situation): Plan | undefined {
  const most = Math.min(model.size + 8 * shape.clusterSize, 32 * 2 ** 20);
  const unit = random.chance(2) ? 512 : shape.clusterSize;
  const size = unit * (1 + random.below(Math.floor(most / unit)));
  if (size === model.size) return undefined;
  const isShrink = size < model.size;
  // What QEMU cuts off inside a cluster shows again when it grows the disk (7.2, run): only we do that.
  const canQemu = !isShrink || size % shape.clusterSize === 0;
  const shrink = isShrink ? ['--shrink'] : [];
  const qemu = [['qemu-img', 'resize', '-q', '-f', 'qcow2', ...shrink, 'IMAGE', String(size)]];
  return {
    text: `resize ${model.size} to ${size}`,
    ours: [{ op: 'resize', size }],
    ...(canQemu && { qemu }),
    // QEMU leaves the part that it adds clean.
    apply: (to, by) => to.resize(size, by === 'ours' ? 'dirty' : 'clean'),
  };
}

function snapshot({ model, shape, random }: Situation): Plan | undefined {
  const most = maxSnapshots(shape);
  if (most < 1) return undefined;
  const [old] = model.snapshots;
  const isDelete = old !== undefined && (model.snapshots.length >= most || random.chance(2));
  const name = isDelete ? old : `s${random.below(1e6)}`;
  return {
    text: `snapshot ${isDelete ? 'delete' : 'create'} ${name}`,
    qemu: [['qemu-img', 'snapshot', '-q', isDelete ? '-d' : '-c', name, 'IMAGE']],
    apply: (to) => (isDelete ? to.snapshots.shift() : to.snapshots.push(name)),
  };
}

export const DISK_OPERATIONS: readonly Operation[] = [
  { name: 'write', weight: 8, plan: write },
  { name: 'zero', weight: 3, plan: zero },
  { name: 'discard', weight: 3, plan: discard },
  { name: 'resize', weight: 2, plan: resize },
  { name: 'snapshot', weight: 2, plan: snapshot },
];
