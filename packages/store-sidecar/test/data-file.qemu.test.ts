import { readFileSync, utimesSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { adoptSidecar, convertSidecar, lendSidecar, openSidecarStore } from '../src/index.ts';
import { QemuDrive } from './support/qemu-drive.ts';

const MIB = 1024 * 1024;

describeWithQemu('a sidecar that QEMU runs on', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  let made = 0;
  const make = (size = 20 * MIB) => QemuDrive.make(join(dir, `${made++}.raw`), size);
  const lend = (drive: QemuDrive) => drive.with(lendSidecar);

  it('gives back what QEMU has recorded, and nothing is in the way of the next to run', async () => {
    const drive = await make();
    await lend(drive);
    await drive.qemu('write -P 7 3M 100k', 'write -P 8 19M 1M');
    expect(await drive.look()).toEqual([48, 49, ...Array.from({ length: 16 }, (_, i) => 304 + i)]);
    // And by us, and lent again.
    await drive.session(async (store, device) => {
      const content = (await store.acquire(['a'])).get('a')!;
      await device.write(new Uint8Array(10).fill(1), 5 * MIB);
      content.set(5 * MIB, 10);
      content.reset(16 * MIB, 4 * MIB);
      await store.commit([{ op: 'store', name: 'a', content }]);
    });
    expect(await drive.look()).toEqual([48, 49, 80]);
    await lend(drive);
    await drive.qemu('write -P 9 0 1k');
    expect(await drive.look()).toEqual([0, 48, 49, 80]);
    await run('qemu-img', 'check', drive.sidecar);
    expect(await qemuBitmaps(drive.sidecar)).toMatchObject([{ name: 'a', flags: ['auto'] }]);
    const raw = readFileSync(drive.raw);
    expect([raw[0], raw[3 * MIB], raw[5 * MIB], raw[19 * MIB], raw[6 * MIB]]).toEqual([
      9, 7, 1, 8, 0xaa,
    ]);
  });

  it('A8: a session of QEMU that nobody lent the drive to proves nothing', async () => {
    const drive = await make();
    await drive.behind('write -P 1 1M 64k');
    await drive.qemu('write -P 7 3M 64k');
    expect(await drive.look()).toBe('mtime');
    const other = await make();
    await other.qemu('write -P 7 3M 64k');
    expect(await other.look()).toBe('mtime');
    // One that wrote nothing leaves the drive as it was.
    const third = await make();
    await third.qemu('read 0 64k');
    expect(await third.look()).toEqual([]);
  });

  it('A8: a write before the drive was lent is noticed when it is lent, for good', async () => {
    const drive = await make();
    await drive.behind('write -P 1 1M 64k');
    const lent = await lend(drive);
    expect(lent).toMatchObject([{ name: 'a', inUse: true, rule: 'mtime' }]);
    await drive.qemu('read 0 64k');
    expect(await drive.look()).toBe('in-use');
  });

  it('A8: a write after QEMU has given the drive back is noticed', async () => {
    const drive = await make();
    await lend(drive);
    await drive.qemu('write -P 7 3M 64k');
    await drive.behind('write -P 1 1M 64k');
    expect(await drive.look()).toBe('returned');
    const other = await make();
    await lend(other);
    await other.qemu('write -P 7 3M 64k');
    await other.behind('write -P 1 1M 64k');
    utimesSync(other.raw, 1, 1);
    expect(await other.look()).toBe('ctime');
  });

  it('A8: a write to a drive that QEMU has not opened since it was lent is noticed', async () => {
    const drive = await make();
    await lend(drive);
    await drive.behind('write -P 1 1M 64k');
    expect(await drive.look()).toBe('mtime');
  });

  it('A8: the loan ends when the drive is taken back: what QEMU does then proves nothing', async () => {
    const drive = await make();
    await lend(drive);
    await drive.qemu('write -P 7 3M 64k');
    await drive.session(async () => {});
    expect(await drive.look()).toEqual([48]);
    await drive.behind('write -P 1 1M 64k');
    await drive.qemu('write -P 7 3M 64k');
    expect(await drive.look()).toBe('mtime');
  });

  it('A9: what a crash leaves of a session is never taken over, whatever QEMU does', async () => {
    const drive = await make();
    const { device, session } = await drive.open();
    const store = await openSidecarStore(session);
    // So that nobody can ask for bitmaps that are valid while they are in use.
    expect(store.live).toBeUndefined();
    await store.acquire(['a']);
    await device.write(new Uint8Array(512).fill(3), 2 * MIB);
    await device.flush();
    expect(await drive.look()).toBe('in-use');
    const overlay = join(dir, `${made}.overlay.qcow2`);
    await run(
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      '-b',
      drive.sidecar,
      '-F',
      'qcow2',
      overlay,
    );
    await run('qemu-io', '-f', 'qcow2', '-c', 'write -P 5 8M 64k', overlay);
    await run('qemu-img', 'commit', '-q', overlay);
    expect(readFileSync(drive.raw)[8 * MIB]).toBe(5);
    expect(await drive.look()).toBe('in-use');
    await session.sidecar.close();
    await device.close();
  });

  it('shows QEMU what we write where QEMU had written zeros', async () => {
    const drive = await make();
    await lend(drive);
    await drive.qemu('write -z 2M 2M', 'discard 6M 2M');
    await drive.session(async (store, device) => {
      const content = (await store.acquire(['a'])).get('a')!;
      for (const offset of [3 * MIB, 7 * MIB]) {
        await device.write(new Uint8Array(512).fill(5), offset);
        content.set(offset, 512);
      }
      await store.commit([{ op: 'store', name: 'a', content }]);
    });
    const read = drive.qemu('read -P 5 3M 512', 'read -P 5 7M 512', 'read -P 0 2M 1M');
    await expect(read).resolves.toBeUndefined();
  });

  it('is refused when QEMU has discarded what the drive still holds', async () => {
    const drive = await make();
    await lend(drive);
    const file = `file.driver=file,file.filename=${drive.sidecar}`;
    const data = `data-file.driver=file,data-file.filename=${drive.raw},data-file.discard=ignore`;
    const node = `driver=qcow2,discard=unmap,${file},${data}`;
    await run('qemu-io', '--image-opts', '-c', 'discard 4M 2M', '-c', 'write 0 64k', node);
    await expect(drive.look()).rejects.toMatchObject({
      code: 'SIDECAR_MISMATCH',
      context: { offset: 4 * MIB },
    });
  });

  it('becomes one for bitmaps alone, and one for QEMU again, with all that it knows', async () => {
    const drive = await make(21 * MIB);
    await lend(drive);
    await drive.qemu('write -P 7 3M 64k');
    const before = readFileSync(drive.raw);
    await drive.with(convertSidecar);
    expect(await drive.look()).toEqual([48]);
    await run('qemu-img', 'check', drive.sidecar);
    await drive.with((session) => convertSidecar({ ...session, dataFile: { name: drive.raw } }));
    expect(await drive.look()).toEqual([48]);
    expect(readFileSync(drive.raw).equals(before)).toBe(true);
    await lend(drive);
    await drive.qemu('read -P 7 3M 64k', 'write -P 1 20M 1M');
    expect(await drive.look()).toEqual([48, ...Array.from({ length: 16 }, (_, i) => 320 + i)]);
  });

  it('keeps inconsistent bitmaps inconsistent when it is converted', async () => {
    const drive = await make();
    await drive.behind('write -P 1 1M 64k');
    await drive.with(convertSidecar);
    expect(await drive.look()).toBe('in-use');
    expect(await qemuBitmaps(drive.sidecar)).toMatchObject([{ flags: ['in-use', 'auto'] }]);
  });

  it('is adopted after a change of mode, owner or name, by word, and not after a write', async () => {
    const drive = await make();
    await lend(drive);
    await drive.qemu('write -P 7 3M 64k');
    chmodSync(drive.raw, 0o600);
    expect(await drive.look()).toBe('ctime');
    const adopt = (answersFor: 'ctime' | 'content') =>
      drive.with((session) => adoptSidecar({ ...session, answersFor }));
    expect(await adopt('ctime')).toMatchObject({ adopted: ['a'] });
    expect(await drive.look()).toEqual([48]);
    expect(await adopt('ctime')).toMatchObject({ adopted: [], reasons: [] });
    await drive.behind('write -P 1 1M 64k');
    expect(await adopt('ctime')).toMatchObject({ adopted: [], reasons: [] });
    expect(await drive.look()).toBe('mtime');
    expect(await adopt('content')).toMatchObject({ adopted: ['a'] });
    expect(await drive.look()).toEqual([48]);
  });
});
