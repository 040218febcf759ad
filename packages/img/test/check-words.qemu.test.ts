import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { launch } from '../../../tools/launcher.ts';
import { describeWithQemu, sh, tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';
import { makeImages } from './support/template.ts';

/** Of images as `makeImages` has them. */
const CLUSTER = 65_536;
const [TABLE, BLOCK, L1, L2] = [1, 2, 3, 4].map((index) => index * CLUSTER) as [
  number,
  number,
  number,
  number,
];
const COPIED = 1n << 63n;

interface Damage {
  readonly name: string;
  readonly image?: string;
  /** What is written, eight bytes at each place. */
  readonly entries: readonly (readonly [at: number, entry: bigint])[];
  /** Not what both do, or say, when they repair: a rebuild lays counts out in two ways. */
  readonly isOnlyFound?: boolean;
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'an L1 entry with reserved bits',
    entries: [[L1, COPIED | BigInt(L2) | (1n << 60n)]],
  },
  { name: 'an L1 entry without its flag', entries: [[L1, BigInt(L2)]] },
  { name: 'an L2 entry with reserved bits', entries: [[L2 + 8, COPIED | 0x50002n]] },
  {
    name: 'L2 entries without their flags',
    entries: [
      [L2 + 8, 0x50000n],
      [L2 + 16, 0x60000n],
    ],
  },
  {
    name: 'flags of both kinds, in the order of the tables',
    entries: [
      [L2 + 16, 0x60000n],
      [L1, BigInt(L2)],
    ],
  },
  { name: 'an L2 entry into the midst of a cluster', entries: [[L2 + 8, COPIED | 0x50200n]] },
  { name: 'an L2 entry behind the end', entries: [[L2 + 8, COPIED | 0x900000n]] },
  { name: 'two L2 entries with one cluster', entries: [[L2 + 8, COPIED | 0x60000n]] },
  { name: 'an L2 entry that leads to the header', entries: [[L2 + 8, COPIED]] },
  {
    name: 'a compressed entry with a flag',
    image: 'compressed.qcow2',
    entries: [[L2 + 8, COPIED | (1n << 62n) | 0x50000n]],
  },
  {
    name: 'subclusters that are allocated and zero',
    image: 'subclusters.qcow2',
    entries: [[L2 + 8, (1n << 32n) | 1n]],
    isOnlyFound: true,
  },
  {
    name: 'subclusters without a cluster',
    image: 'subclusters.qcow2',
    entries: [
      [L2 + 32, 0n],
      [L2 + 40, 1n],
    ],
  },
  {
    name: 'a reserved bit in the refcount table',
    entries: [[TABLE, BigInt(BLOCK) | 1n]],
    isOnlyFound: true,
  },
  { name: 'one refcount block twice', entries: [[TABLE + 8, BigInt(BLOCK)]], isOnlyFound: true },
  { name: 'a refcount block outside', entries: [[TABLE + 8, 0x900000n]], isOnlyFound: true },
  {
    name: 'a leak, and a flag beside it',
    entries: [
      [L2 + 8, 0n],
      [L2 + 16, 0x60000n],
    ],
  },
  { name: 'marks, and nothing else', entries: [[72, 3n]] },
];

describeWithQemu('what check says is wrong', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const [ours, theirs] = [join(dir, 'ours'), join(dir, 'theirs')];
  makeImages(dir);

  function damage({ image = 'a.qcow2', entries }: Damage): void {
    for (const folder of [ours, theirs]) {
      mkdirSync(folder, { recursive: true });
      const path = join(folder, 'image.qcow2');
      copyFileSync(join(dir, image), path);
      const bytes = readFileSync(path);
      for (const [at, entry] of entries) bytes.writeBigUInt64BE(entry, at);
      writeFileSync(path, bytes);
    }
  }

  async function both(words: readonly string[]) {
    const { code, stdout, stderr } = await launch(['qemu-img', ...words], {
      cwd: theirs,
      timeout: 60_000,
    });
    return { ours: await runOurs(ours, words), theirs: { code, stdout, stderr } };
  }

  it('begins with an image that has subclusters', async () => {
    const path = join(dir, 'subclusters.qcow2');
    await sh('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'extended_l2=on', path, '1M');
    const { code } = await sh('qemu-io', '-c', 'write 0 10k', '-c', 'write 256k 64k', path);
    expect(code).toBe(0);
  });

  it.each(DAMAGES)('$name', async (damaged) => {
    damage(damaged);
    const found = await both(['check', 'image.qcow2']);
    expect(found.ours).toEqual(found.theirs);
  });

  const MENDED = DAMAGES.filter(({ isOnlyFound = false }) => !isOnlyFound);
  for (const mode of ['leaks', 'all']) {
    it.each(MENDED)(`$name, with -r ${mode}`, async (damaged) => {
      damage(damaged);
      const mended = await both(['check', '-r', mode, 'image.qcow2']);
      expect(mended.ours).toEqual(mended.theirs);
      // Behind the tables qemu-img makes holes of what it frees.
      const read = (folder: string) =>
        readFileSync(join(folder, 'image.qcow2')).subarray(0, 5 * CLUSTER);
      expect(read(ours).equals(read(theirs))).toBe(true);
    });
  }

  it('clears autoclear features that nobody knows, when it may write', async () => {
    damage({ name: '', entries: [[88, (1n << 63n) | (1n << 40n)]] });
    expect(await runOurs(ours, ['check', 'image.qcow2'])).toMatchObject({ code: 0 });
    const bits = () => readFileSync(join(ours, 'image.qcow2')).readBigUInt64BE(88);
    expect(bits()).not.toBe(0n);
    for (const mode of ['leaks', 'all']) {
      damage({ name: '', entries: [[88, (1n << 63n) | (1n << 40n)]] });
      const mended = await both(['check', '-r', mode, 'image.qcow2']);
      expect(mended.ours).toEqual(mended.theirs);
      expect(bits()).toBe(0n);
    }
  });
});
