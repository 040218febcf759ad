import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';

const BLOCK = 4096;
const DONE = { code: 0, stdout: '', stderr: '' };

interface Piece {
  readonly gap: number;
  readonly blocks: number;
  /** Zeros are written, too. */
  readonly byte: number;
}

/** Of two disks; sectors of the second, size of clusters, bytes of the first behind 2 MiB, version. */
type Example = [[Piece[], Piece[]], number, number, number, string];

const pieces = fc.array(
  fc.record({
    gap: fc.nat(60),
    blocks: fc.integer({ min: 1, max: 400 }),
    byte: fc.constantFrom(0, 1, 200),
  }),
  { maxLength: 12 },
);

/** @returns the disk */
function makeRaw(path: string, size: number, content: readonly Piece[]): Buffer {
  const disk = Buffer.alloc(size);
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  let at = 0;
  for (const { gap, blocks, byte } of content) {
    at += gap * BLOCK;
    const end = Math.min(size, at + blocks * BLOCK);
    if (at >= end) break;
    disk.fill(byte, at, end);
    writeSync(fd, disk, at, end - at, at);
    at = end;
  }
  closeSync(fd);
  return disk;
}

/** How many clusters hold anything but zeros. */
function clustersOfData(disk: Buffer, clusterSize: number): number {
  let count = 0;
  for (let at = 0; at < disk.length; at += clusterSize) {
    if (disk.subarray(at, at + clusterSize).some((byte) => byte !== 0)) count += 1;
  }
  return count;
}

describeWithQemu('convert to a new qcow2 image', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const at = (name: string) => join(dir, name);

  it('has the disks in a row, and places for what is not zeros', async () => {
    const property = fc.asyncProperty(
      fc.tuple(pieces, pieces),
      fc.integer({ min: 1, max: 8000 }),
      fc.constantFrom(4096, 65_536, 2 ** 21),
      fc.constantFrom(0, 512, 65_536),
      fc.constantFrom('0.10', '1.1'),
      async ([one, two], sectors, clusterSize, rest, compat) => {
        const first = makeRaw(at('one.raw'), 2 ** 21 + rest, one);
        const second = makeRaw(at('two.raw'), sectors * 512, two);
        const options = `cluster_size=${clusterSize},compat=${compat}`;
        const names = ['one.raw', 'two.raw', 'out.qcow2'];
        const words = ['convert', '-f', 'raw', '-O', 'qcow2', '-o', options, ...names];
        expect(await runOurs(dir, words)).toEqual(DONE);
        const disk = Buffer.concat([first, second]);
        writeFileSync(at('both.raw'), disk);
        const compared = ['-f', 'raw', '-F', 'qcow2', at('both.raw'), at('out.qcow2')];
        await run('qemu-img', 'compare', '-q', ...compared);
        const { code, stdout } = await sh('qemu-img', 'check', '--output=json', at('out.qcow2'));
        expect(code).toBe(0);
        const checked: Record<string, number> = JSON.parse(stdout);
        expect(checked['allocated-clusters'] ?? 0).toBe(clustersOfData(disk, clusterSize));
      },
    );
    const piece = { gap: 0, blocks: 600, byte: 1 };
    // Luck does not always have data on both sides of a seam in a cluster.
    const examples: Example[] = [[[[piece], [piece]], 100, 65_536, 512, '1.1']];
    await fc.assert(property, { numRuns: 15, examples });
  }, 120_000);

  it('leaves nothing where the source cannot be read', async () => {
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', at('bad.qcow2'), '4M');
    await run('qemu-io', '-c', 'write -P 7 0 4M', at('bad.qcow2'));
    truncateSync(at('bad.qcow2'), 1024 * 1024);
    const words = ['convert', '-f', 'qcow2', '-O', 'qcow2', 'bad.qcow2', 'new.qcow2'];
    const { code, stderr } = await runOurs(dir, words);
    expect(code).toBe(1);
    expect(stderr).toContain('the file ends at');
    expect(existsSync(at('new.qcow2'))).toBe(false);
  });
});
