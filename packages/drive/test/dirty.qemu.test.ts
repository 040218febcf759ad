import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { openDrive } from '../src/index.ts';
import { contentOf, expectSame } from './support/content.ts';

const MIB = 1024 * 1024;

describeWithQemu(
  'an image with lazy refcounts that a crash has left',
  ['qemu-img', 'qemu-io'],
  () => {
    const dir = tempDir();
    let made = 0;

    /** With clusters that nobody has counted, beside a snapshot and a bitmap. */
    async function crashed(options: string): Promise<{ path: string; content: Buffer }> {
      const path = join(dir, `${made++}.qcow2`);
      const all = `lazy_refcounts=on,${options}`;
      await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', all, path, String(4 * MIB));
      await run('qemu-io', '-c', 'write -P 1 0 1M', path);
      await run('qemu-img', 'snapshot', '-c', 'first', path);
      await run('qemu-img', 'bitmap', '--add', path, 'a');
      const write = `qemu-io -c 'write -P 5 512k 2M' -c flush -c abort ${path}`;
      expect((await sh('sh', '-c', write)).code).toBeGreaterThan(128);
      expect(await checkOf(path)).not.toBe(0);
      const content = Buffer.alloc(4 * MIB)
        .fill(1, 0, MIB)
        .fill(5, MIB / 2, 2.5 * MIB);
      return { path, content };
    }

    async function checkOf(path: string): Promise<number> {
      return (await sh('qemu-img', 'check', path)).code;
    }

    it.each(['cluster_size=4k', 'cluster_size=64k', 'extended_l2=on', 'refcount_bits=64'])(
      'is counted anew when it is opened for writing: %s',
      async (options) => {
        const { path, content } = await crashed(options);
        const before = readFileSync(path);
        const reader = await openDrive(path);
        expectSame(await contentOf(reader.device), content);
        await reader.device.close();
        expectSame(readFileSync(path), before);

        const notices: string[] = [];
        const onNotice = (message: string) => notices.push(message);
        const drive = await openDrive(path, { access: 'write', onNotice });
        expect(drive.image?.info.dirty).toBe(false);
        await drive.device.write(Buffer.alloc(100_000, 9), 3 * MIB);
        content.fill(9, 3 * MIB, 3 * MIB + 100_000);
        expectSame(await contentOf(drive.device), content);
        await drive.device.close();
        expect(notices).toEqual([expect.stringContaining('not closed cleanly')]);
        expect(await checkOf(path)).toBe(0);

        const copy = copyWithoutBitmaps(path);
        await run('qemu-img', 'snapshot', '-a', 'first', copy);
        const first = await openDrive(copy);
        expectSame(await contentOf(first.device), Buffer.alloc(4 * MIB).fill(1, 0, MIB));
        await first.device.close();
      },
    );

    it('is refused, and stays as it is, where more is wrong with it', async () => {
      const { path } = await crashed('cluster_size=64k');
      const bytes = readFileSync(path);
      const l1 = Number(bytes.readBigUInt64BE(40));
      // An L2 table that begins inside a cluster.
      bytes.writeBigUInt64BE(bytes.readBigUInt64BE(l1) + 512n, l1);
      writeFileSync(path, bytes);
      await expect(openDrive(path, { access: 'write' })).rejects.toMatchObject({
        code: 'IMAGE_UNSUPPORTED',
        context: { hint: expect.stringContaining('image repair') },
      });
      expectSame(readFileSync(path), bytes);
    });

    /** QEMU goes back to no snapshot beside bitmaps. */
    function copyWithoutBitmaps(path: string): string {
      const copy = `${path}.copy`;
      copyFileSync(path, copy);
      const bytes = readFileSync(copy);
      bytes.writeBigUInt64BE(0n, 88);
      writeFileSync(copy, bytes);
      return copy;
    }
  },
);
