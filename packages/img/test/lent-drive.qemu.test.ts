import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';
import { bitmapsOf, bytesOf, lend, makeDrive, toDataFile } from './support/raw-drive.ts';

const MIB = 1024 * 1024;
const LOST = { records: 'inconsistent', rests: 'inconsistent' };

/** QEMU opens the drive through its sidecar, writes the fourth granule, and stores its bitmaps. */
const qemuWrites = (sidecar: string) =>
  run('qemu-io', '-f', 'qcow2', '-c', 'write -P 9 192k 4k', sidecar);

describeWithQemu('a raw drive that is lent to QEMU', ['qemu-img', 'qemu-io'], () => {
  let dir: string;
  let count = 0;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'img-lent-'));
    writeFileSync(join(dir, 'source.raw'), Buffer.alloc(MIB, 7));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const img = (line: string) => runOurs(dir, line.split(' '));
  const lentDrive = async () => {
    const path = join(dir, `disk${(count += 1)}.raw`);
    await makeUser(join(dir, 'user.qcow2'), path);
    const sidecar = await makeDrive(path);
    await toDataFile(path);
    await lend(path);
    return { path, sidecar };
  };

  it.each([
    'create -f raw DRIVE 1M',
    'create -f qcow2 -o data_file=DRIVE,data_file_raw=on over.qcow2 1M',
    'convert -O raw source.raw DRIVE',
    'convert -n -O raw source.raw DRIVE',
    'resize -f raw DRIVE 2M',
    'convert -n -O qcow2 source.raw user.qcow2',
    'resize user.qcow2 2M',
  ])('stays as it is, since its bitmaps would not know of this: %s', async (line) => {
    const { path, sidecar } = await lentDrive();
    const before = bytesOf(path, sidecar);
    const { code, stderr } = await img(line.replace('DRIVE', path));
    expect(stderr).toContain(`hint: run 'tidemark sidecar convert ${path} --to plain' first`);
    expect({ code, after: bytesOf(path, sidecar) }).toEqual({ code: 1, after: before });
    await qemuWrites(sidecar);
    expect(await bitmapsOf(path)).toEqual({ records: [3], rests: [] });
  });

  it('is not trusted when a repair of its sidecar would hide a write after the last of QEMU', async () => {
    const { path, sidecar } = await lentDrive();
    await qemuWrites(sidecar);
    leak(sidecar);
    const fd = openSync(path, 'r+');
    writeSync(fd, Buffer.alloc(4096, 3), 0, 4096, 512 * 1024);
    closeSync(fd);
    const before = bytesOf(sidecar);
    for (const mode of ['leaks', 'all']) {
      const { code, stderr } = await img(`check -r ${mode} ${sidecar}`);
      expect({ code, isNamed: stderr.includes('is lent to QEMU') }).toEqual({
        code: 1,
        isNamed: true,
      });
    }
    expect(bytesOf(sidecar)).toBe(before);
    expect(await bitmapsOf(path)).toEqual(LOST);
  });
});

describeWithQemu(
  'an image whose data is a raw drive with a sidecar of its own',
  ['qemu-img'],
  () => {
    it('is repaired without a change of the drive, whose bitmaps stay as they are', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'img-data-'));
      try {
        const drive = join(dir, 'disk.raw');
        const user = join(dir, 'user.qcow2');
        await makeUser(user, drive);
        await makeDrive(drive);
        leak(user);
        const before = bytesOf(drive);
        const { code } = await runOurs(dir, ['check', '-r', 'all', user]);
        expect({ code, after: bytesOf(drive) }).toEqual({ code: 0, after: before });
        await run('qemu-img', 'check', user);
        expect(await bitmapsOf(drive)).toEqual({ records: [], rests: [] });
      } finally {
        rmSync(dir, { recursive: true });
      }
    });
  },
);

/** An image of somebody's whose data is the drive, before that is there: QEMU empties it. */
async function makeUser(image: string, drive: string): Promise<void> {
  const layout = `data_file=${drive},data_file_raw=on`;
  await run('qemu-img', 'create', '-qf', 'qcow2', '-o', layout, image, '1M');
}

/** Counts a cluster behind the others that nothing refers to: 16 bits each, in one block. */
function leak(image: string): void {
  const bytes = readFileSync(image);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const block = Number(view.getBigUint64(Number(view.getBigUint64(48))));
  const clusterSize = 2 ** view.getUint32(20);
  view.setUint16(block + Math.ceil(bytes.length / clusterSize) * 2, 1);
  writeFileSync(image, Buffer.concat([bytes, Buffer.alloc(clusterSize * 2)]));
}
