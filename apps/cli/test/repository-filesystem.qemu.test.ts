import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync, writeFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRecordingDrive } from '@tidemark/drive';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { makeDrive, readDrive } from './support/drives.ts';
import { succeed, succeedJson } from './support/tidemark.ts';

const MiB = 2 ** 20;
const SIZE = 16 * MiB;
const POINTS = 31;
const BLOCK = 65_536;

describeWithQemu('an ext4 file system', ['mkfs.ext4'], () => {
  const dir = tempDir();
  const drive = join(dir, 'drive.qcow2');
  const copy = join(dir, 'copy.raw');
  const repository = join(dir, 'repository');
  const digests = new Map<number, string>();

  /** Adds, changes and deletes files, as a machine would; now and then it trims. */
  async function work(turn: number): Promise<void> {
    const file = join(dir, 'file');
    writeFileSync(file, Buffer.alloc(20_000 + turn * 17_000, `content ${turn} `));
    const commands = [`write ${file} /new-${turn}`];
    if (turn > 2) commands.push(`rm /new-${turn - 2}`, `write ${file} /new-${turn - 2}`);
    if (turn > 5) commands.push(`rm /new-${turn - 5}`);
    const script = join(dir, 'commands');
    writeFileSync(script, commands.map((command) => `${command}\n`).join(''));
    await run('debugfs', '-w', '-f', script, copy);
    if (turn % 5 === 4) await sh('e2fsck', '-fy', '-E', 'discard', copy);
  }

  /** Brings what differs into the drive through its bitmaps; zeros as a trim. */
  async function apply(): Promise<void> {
    const before = await readDrive(drive);
    const now = openSync(copy, 'r');
    const target = await openRecordingDrive(drive, { format: 'qcow2' });
    const block = Buffer.alloc(BLOCK);
    for (let at = 0; at < SIZE; at += BLOCK) {
      readSync(now, block, 0, BLOCK, at);
      if (before.subarray(at, at + BLOCK).equals(block)) continue;
      if (block.every((byte) => byte === 0)) await target.device.writeZeroes(at, BLOCK);
      else await target.device.write(block, at);
    }
    await target.close();
    closeSync(now);
  }

  const digestOf = (content: Buffer) => createHash('sha256').update(content).digest('hex');

  it('comes back as it was at any of 31 restore points, and is clean', async () => {
    await makeDrive(drive, 'qcow2', SIZE);
    writeFileSync(copy, '');
    await run('truncate', '-s', String(SIZE), copy);
    await run('mkfs.ext4', '-q', '-F', copy);
    await succeed('repo', 'create', repository);
    for (let turn = 0; turn < POINTS; turn++) {
      await work(turn);
      await apply();
      const { points } = await succeedJson<{
        readonly points: readonly { readonly point: number; readonly kind: string }[];
      }>('backup', drive, repository);
      expect(points[0]).toMatchObject({ kind: turn === 0 ? 'full' : 'incremental' });
      digests.set(points[0]!.point, digestOf(await readDrive(drive)));
    }
    for (const point of [1, 7, 16, 25, 31]) {
      const target = join(dir, `restored-${point}.raw`);
      await succeed('restore', repository, target, '--point', String(point), '--format', 'raw');
      expect(digestOf(await readDrive(target))).toBe(digests.get(point));
      const checked = join(dir, 'checked.raw');
      copyFileSync(target, checked);
      expect((await sh('e2fsck', '-fn', checked)).code).toBe(0);
      rmSync(target);
    }
  }, 400_000);
});
