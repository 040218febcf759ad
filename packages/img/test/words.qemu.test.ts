import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';

/** qcow2.rst, "Header": incompatible_features is at byte 72. */
function setFeatures(path: string, ...bits: readonly number[]): void {
  const bytes = readFileSync(path);
  const features = bits.reduce((all, bit) => all | (1n << BigInt(bit)), bytes.readBigUInt64BE(72));
  bytes.writeBigUInt64BE(features, 72);
  writeFileSync(path, bytes);
}

/** Gives a feature a name, in the place of QEMU's names; `cut` leaves the entry's padding out. */
function nameFeature(path: string, bit: number, name: string, { cut = false } = {}): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(Buffer.from([0x68, 0x03, 0xf8, 0x57]));
  const entry = Buffer.alloc(48);
  entry.set([0, bit]);
  entry.write(name, 2);
  const length = cut ? 2 + name.length : entry.length;
  bytes.writeUInt32BE(length, at + 4);
  bytes.fill(0, at + 8, at + 8 + 384);
  entry.copy(bytes, at + 8, 0, length);
  writeFileSync(path, bytes);
}

describeWithQemu('what cannot be done to an image', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const inDir = (command: string) => sh('sh', '-c', `cd ${dir} && ${command}`);

  beforeAll(async () => {
    await run(
      'sh',
      '-c',
      `cd ${dir} && qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 1M &&
      qemu-img snapshot -c first v2.qcow2 && qemu-img create -q -f qcow2 a.qcow2 1M &&
      qemu-io -c 'write -P 1 0 64k' a.qcow2 &&
      qemu-img create -q -f qcow2 -o data_file=data.of data.qcow2 1M`,
    );
  });

  it.each(['resize v2.qcow2 2M', 'convert -c -n -O qcow2 a.qcow2 data.qcow2'])(
    'is said as qemu-img says it: %s',
    async (line) => {
      const ours = await runOurs(dir, line.split(' '));
      const theirs = await inDir(`qemu-img ${line}`);
      const [first, ...more] = ours.stderr.split('\n');
      expect(`${first}\n`).toBe(theirs.stderr.replace('qemu-img: ', 'tidemark img: '));
      expect(ours.code).toBe(theirs.code);
      expect(more.every((text) => text === '' || text.startsWith('tidemark img: hint: '))).toBe(
        true,
      );
    },
  );

  it.each([
    ['counts of more than 64 bits', 96, 7],
    ['counts of far more', 96, 0x4004],
    ['no header at all', 100, 0],
    ['a header that is longer than all clusters', 100, 0x7000_0000],
    ['a compression that nobody knows', 104, 0x2000_0000],
    ['a compression without its feature', 104, 0x0100_0000],
    ['a feature without its compression', 76, 8],
  ])('of a header with %s', async (_, at, value) => {
    const path = join(dir, 'header.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '1M');
    const bytes = readFileSync(path);
    bytes.writeUInt32BE(value, at);
    writeFileSync(path, bytes);
    const ours = await runOurs(dir, ['info', 'header.qcow2']);
    const theirs = await inDir('qemu-img info header.qcow2');
    expect(theirs.code).toBe(1);
    expect(ours).toEqual({
      ...theirs,
      stderr: theirs.stderr.replace('qemu-img: ', 'tidemark img: '),
    });
  });

  it.each([
    ['without names', [63], undefined, false],
    ['with a name', [63], 63, false],
    ['with a name in an entry that is cut short', [63], 63, true],
    ['some with names', [61, 62, 63], 62, true],
  ] as const)('of unknown features, %s', async (_, bits, named, cut) => {
    const path = join(dir, 'features.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '1M');
    setFeatures(path, ...bits);
    if (named !== undefined) nameFeature(path, named, 'Test feature', { cut });
    const ours = await runOurs(dir, ['info', 'features.qcow2']);
    const theirs = await inDir('qemu-img info features.qcow2');
    expect(ours).toEqual({
      ...theirs,
      stderr: theirs.stderr.replace('qemu-img: ', 'tidemark img: '),
    });
  });
});
