import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { lookWithBoth, runOurs } from './support/both.ts';
import { lines } from './support/look-lines.ts';
import { makeImages } from './support/template.ts';

const CLUSTER = 65_536;

/** The header names no refcount table any more. */
function loseRefcountTable(path: string): void {
  const bytes = readFileSync(path);
  bytes.fill(0, 48, 60);
  writeFileSync(path, bytes);
}

/** Counts of clusters in the first refcount block, which is the third cluster of these images. */
function setRefcount(path: string, cluster: number, count: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt16BE(count, 2 * CLUSTER + 2 * cluster);
  writeFileSync(path, bytes);
}

const SOUND = lines(`
  check a.qcow2
  check empty.qcow2
  check zero.qcow2
  check small-clusters.qcow2
  check v2.qcow2
  check bits1.qcow2
  check bitmaps.qcow2
  check snapshots.qcow2
  check compressed.qcow2
  check zstd.qcow2
  check overlay.qcow2
  check top.qcow2
  check on-raw.qcow2
  check --output=json a.qcow2
  check --output=json compressed.qcow2
  check --output=json bitmaps.qcow2
  check --output=json empty.qcow2
  check -q a.qcow2
  check -U a.qcow2
  check -r leaks a.qcow2
  check -r all snapshots.qcow2
  check -r all -U a.qcow2
  check -r foo a.qcow2
  check
  check a b
  check data.qcow2
  check data-raw.qcow2
  check no-data.qcow2
  check sub.qcow2
  check prealloc.qcow2
  check zeroed.qcow2
  check large-clusters.qcow2
  check a.raw
  check -q a.raw
  check --output json a.raw
  check -f raw a.qcow2
  check -f qcow2 a.raw
  check not-there
  check gone.qcow2
  check -z a.qcow2
  check -T foo a.qcow2
  check -T none a.qcow2
  check --output=x a.qcow2
`);

describeWithQemu('img check', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  makeImages(dir);
  it.each(SOUND)('%s', async (line) => {
    const { ours, theirs } = await lookWithBoth(dir, line);
    expect(ours).toEqual(theirs);
  });

  describe('of leaks', () => {
    const make = (name: string) => {
      copyFileSync(join(dir, 'a.qcow2'), join(dir, name));
      truncateSync(join(dir, name), 12 * CLUSTER);
      for (const cluster of [9, 10]) setRefcount(join(dir, name), cluster, 1);
    };

    it.each(['check leaks.qcow2', 'check --output=json leaks.qcow2', 'check -q leaks.qcow2'])(
      '%s',
      async (line) => {
        make('leaks.qcow2');
        const { ours, theirs } = await lookWithBoth(dir, line);
        expect(ours).toEqual(theirs);
        expect(ours).toMatchObject({ code: 3 });
      },
    );

    it.each(['leaks', 'all'])('-r %s gives them back', async (mode) => {
      make('leaks.qcow2');
      make('theirs.qcow2');
      const { code, stdout, stderr } = await runOurs(dir, ['check', '-r', mode, 'leaks.qcow2']);
      const theirs = await sh('qemu-img', 'check', '-r', mode, join(dir, 'theirs.qcow2'));
      expect({ code, stdout, stderr }).toEqual(theirs);
      expect(stderr).toContain('Repairing cluster 9 refcount=1 reference=0\n');
      expect(code).toBe(0);
      expect(stdout).toContain('repaired:\n\n    2 leaked clusters\n    0 corruptions\n');
      await run('qemu-img', 'check', join(dir, 'leaks.qcow2'));
      await run('qemu-img', 'compare', join(dir, 'leaks.qcow2'), join(dir, 'a.qcow2'));
    });
  });

  it('calls snapshots beside a data file an error, and nothing is written beside them', async () => {
    const path = join(dir, 'data-snapshot.qcow2');
    copyFileSync(join(dir, 'data-raw.qcow2'), path);
    const before = readFileSync(path);
    const cluster = Math.ceil(before.length / CLUSTER);
    // qcow2.rst, "Snapshots": one without a table, whose name is as long as its identifier.
    const bytes = Buffer.concat([before], (cluster + 1) * CLUSTER);
    const table = cluster * CLUSTER;
    bytes.writeUInt16BE(1, table + 12);
    bytes.writeUInt16BE(1, table + 14);
    bytes.write('1s', table + 40);
    bytes.writeUInt32BE(1, 60);
    bytes.writeBigUInt64BE(BigInt(table), 64);
    writeFileSync(path, bytes);
    setRefcount(path, cluster, 1);
    const { ours, theirs } = await lookWithBoth(dir, 'check data-snapshot.qcow2');
    const stderr = 'ERROR 1 snapshots in image with data file\n';
    expect(ours).toMatchObject({ code: 2, stderr });
    expect(theirs).toMatchObject({ code: 2, stderr: expect.stringContaining(stderr) });
    const sealed = readFileSync(path);
    for (const line of ['resize data-snapshot.qcow2 2M', 'bitmap --add data-snapshot.qcow2 x']) {
      const refused = await runOurs(dir, line.split(' '));
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('snapshots') });
    }
    expect(readFileSync(path).equals(sealed)).toBe(true);
  });

  it('finds what is in use and counted as free, and sets it right', async () => {
    const path = join(dir, 'low.qcow2');
    copyFileSync(join(dir, 'a.qcow2'), path);
    setRefcount(path, 5, 0);
    const found = await runOurs(dir, ['check', 'low.qcow2']);
    const { code, stdout } = await sh('qemu-img', 'check', path);
    expect({ code: found.code, stdout: found.stdout }).toEqual({ code, stdout });
    expect(found.code).toBe(2);
    expect(found.stderr).toContain('ERROR cluster 5 refcount=0 reference=1\n');
    const kept = await runOurs(dir, ['check', '-r', 'leaks', 'low.qcow2']);
    expect(kept).toMatchObject({
      code: 2,
      stderr: expect.not.stringMatching(/Repairing|Rebuilding/),
    });
    const { code: repaired, stderr } = await runOurs(dir, ['check', '-r', 'all', 'low.qcow2']);
    expect(repaired).toBe(0);
    expect(stderr).toMatch(/reference=1\nRebuilding refcount structure\n$/);
    await run('qemu-img', 'check', path);
    await run('qemu-img', 'compare', path, join(dir, 'a.qcow2'));
  });

  it('makes counts anew where the header names no table of them', async () => {
    const path = join(dir, 'no-counts.qcow2');
    copyFileSync(join(dir, 'a.qcow2'), path);
    loseRefcountTable(path);
    const { ours: found, theirs } = await lookWithBoth(dir, 'check no-counts.qcow2');
    expect(found).toMatchObject({ code: 2 });
    expect(theirs).toMatchObject({ code: 2 });
    // Whatever is not a check needs the counts.
    const { ours: refused, theirs: others } = await lookWithBoth(dir, 'info no-counts.qcow2');
    expect(refused).toEqual(others);
    const { code, stderr } = await runOurs(dir, ['check', '-r', 'all', 'no-counts.qcow2']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/Rebuilding refcount structure\n$/);
    await run('qemu-img', 'check', path);
    await run('qemu-img', 'compare', path, join(dir, 'a.qcow2'));
  });

  it('names the way for an image that does not open', async () => {
    const path = join(dir, 'broken.qcow2');
    const bytes = readFileSync(join(dir, 'a.qcow2'));
    bytes.writeBigUInt64BE(3n, 48);
    writeFileSync(path, bytes);
    const words = 'Reference count table offset invalid';
    const { stderr } = await sh('qemu-img', 'check', path);
    expect(stderr).toContain(words);
    const ours = await runOurs(dir, ['check', '-r', 'all', 'broken.qcow2']);
    expect(ours).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `tidemark img: Could not open 'broken.qcow2': ${words}\n` +
        "tidemark img: hint: try 'tidemark image check', and 'tidemark image repair'\n",
    });
  });

  it('says of bitmaps in use, on standard error alone, what qemu-img is silent of', async () => {
    const path = join(dir, 'in-use.qcow2');
    copyFileSync(join(dir, 'bitmaps.qcow2'), path);
    const bytes = readFileSync(path);
    // qcow2.rst, "Bitmaps extension" and "Bitmap directory": the flags of the first entry.
    const extension = bytes.indexOf(Buffer.from('2385287500000018', 'hex'));
    const directory = Number(bytes.readBigUInt64BE(extension + 8 + 16));
    bytes.writeUInt32BE(bytes.readUInt32BE(directory + 12) | 1, directory + 12);
    const name = bytes.toString(
      'utf8',
      directory + 24,
      directory + 24 + bytes.readUInt16BE(directory + 18),
    );
    writeFileSync(path, bytes);
    const { code, stdout } = await sh('qemu-img', 'check', path);
    const ours = await runOurs(dir, ['check', 'in-use.qcow2']);
    expect({ code: ours.code, stdout: ours.stdout }).toEqual({ code, stdout });
    expect(ours.stderr).toContain(`'${name}'`);
  });
});
