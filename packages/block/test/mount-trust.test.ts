import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import { judgeMount } from '../src/file/mount-trust.ts';

const FD_INFO = 'pos:\t0\nflags:\t02100002\nmnt_id:\t45\nino:\t11\n';
const mounted = (rest: string) =>
  `4 1 0:1 / / rw - nfs4 host:/ rw\n45 27 0:40 / /a\\040b rw,relatime shared:1 - ${rest}\n`;

describe('A20: a file whose flush may leave nothing durable', () => {
  it.each([
    ['nfs4 host:/disks rw,vers=4.2', 'it is on a network file system (nfs4)'],
    ['cifs //host/disks rw', 'it is on a network file system (cifs)'],
    ['fuse.sshfs me@host: rw', 'it is on a network file system (fuse.sshfs)'],
    ['overlay overlay rw,upperdir=/u,volatile', 'it is on an overlay that is mounted volatile'],
    ['overlay overlay rw,uuid=on,fsync=volatile', 'it is on an overlay that is mounted volatile'],
    ['ext4 /dev/vda rw,nobarrier', 'its file system (ext4) is mounted without barriers'],
    ['ext4 /dev/vda rw,barrier=0', 'its file system (ext4) is mounted without barriers'],
  ])('is known by its mount: %s', (mount, why) => {
    expect(judgeMount(FD_INFO, mounted(mount))).toBe(why);
  });

  it.each([
    ['ext4 /dev/vda rw,errors=remount-ro', FD_INFO],
    ['overlay overlay rw,upperdir=/volatile,uuid=on', FD_INFO],
    ['fuse.ntfs-3g /dev/vda rw', FD_INFO],
    ['nfs4 host:/disks rw', 'pos:\t0\nmnt_id:\t5\n'],
    ['nfs4 host:/disks rw', 'pos:\t0\n'],
    ['', FD_INFO],
  ])('is not any other: %j, by %j', (mount, fdInfo) => {
    expect(judgeMount(fdInfo, mounted(mount))).toBeUndefined();
  });
});

describe('A20: a file on an overlay that is mounted volatile', () => {
  it('is told of when it is opened for writing, and else not', async ({ skip }) => {
    const root = mkdtempSync(join(tmpdir(), 'tidemark-volatile-'));
    const mounted = mountVolatile(root);
    try {
      if (!mounted.includes('merged')) skip('no overlay can be mounted here');
      const path = join(root, 'merged', 'disk');
      const notices: string[] = [];
      const onNotice = (message: string) => void notices.push(message);
      const made = { writable: true, create: 'exclusive', size: 512, onNotice } as const;
      await (await openFileDevice(path, made)).close();
      const why = 'it is on an overlay that is mounted volatile';
      const notice = `'${path}' may lose in a power cut what was flushed, bitmaps too: ${why}`;
      expect(notices).toEqual([notice]);
      await (await openFileDevice(path, { onNotice })).close();
      expect(notices).toEqual([notice]);
      await (await openFileDevice(join(root, 'lower', 'disk'), made)).close();
      expect(notices).toEqual([notice]);
    } finally {
      for (const at of mounted) execFileSync('umount', [join(root, at)]);
      rmSync(root, { recursive: true });
    }
  });
});

/** What it has mounted, last first: not all of it where we may not. */
function mountVolatile(at: string): readonly string[] {
  const done: string[] = [];
  for (const name of ['lower', 'upper', 'merged']) mkdirSync(join(at, name));
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tidemark', join(at, 'upper')], { stdio: 'ignore' });
    done.unshift('upper');
    for (const name of ['data', 'work']) mkdirSync(join(at, 'upper', name));
    const dirs = `lowerdir=${at}/lower,upperdir=${at}/upper/data,workdir=${at}/upper/work,volatile`;
    const args = ['-t', 'overlay', 'tidemark', '-o', dirs, join(at, 'merged')];
    execFileSync('mount', args, { stdio: 'ignore' });
    done.unshift('merged');
  } catch {
    // Said by who skips for it.
  }
  return done;
}
