import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { DirtyBitmap } from '@tidemark/core';
import { createDrive, openDrive, openDriveBitmaps } from '@tidemark/drive';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../../tools/qemu.ts';
import { end, ServicePlace, startService } from '../support/service.ts';

const MIB = 1024 ** 2;
const SIZE = 256 * 1024 * MIB;
const GRANULE = 4096;
/** Granules of 4 KiB of bits. */
const CHUNK = 32_768;
const dir = tempDir();

/** Bytes that a process has asked its files for. */
function readBy(pid: number): number {
  return Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

/** An image with a bitmap of 8 MiB of bits, some of them in each chunk. @returns how many bytes are dirty */
async function withLargeBitmap(path: string): Promise<number> {
  const content = new DirtyBitmap(SIZE, GRANULE);
  for (let first = 0; first < SIZE / GRANULE; first += CHUNK) {
    content.set(first * GRANULE, (1 + ((first / CHUNK) % 7)) * GRANULE);
  }
  const drive = await openDrive(path, { access: 'bitmaps' });
  await using _device = drive.device;
  const { store } = await openDriveBitmaps(drive);
  await store!.commit([{ op: 'create', name: 'large', enabled: true, content }]);
  return content.dirtyBytes;
}

describe.runIf(process.platform === 'linux')('bits of a drive that is served', () => {
  it('are read when somebody asks how many are dirty, and not before', async () => {
    const place = new ServicePlace(join(dir, 'service'));
    const path = place.path('disk.qcow2');
    await (await createDrive(path, { format: 'qcow2', size: SIZE })).device.close();
    const dirty = await withLargeBitmap(path);
    place.write({
      drives: { vm: { file: path, format: 'qcow2', bitmaps: { large: {} } } },
      exports: { vm: { drive: 'vm', bitmaps: ['large'] } },
    });
    const service = await startService(place);
    try {
      await setTimeout(500);
      const ready = readBy(service.pid);
      // Node and the program are 2 MiB.
      expect(ready).toBeLessThan(5 * MIB);
      const { body } = await place.get('/metrics');
      expect(body).toContain(`bitmap="large"} ${dirty}`);
      expect(readBy(service.pid) - ready).toBeGreaterThan(8 * MIB - 1);
    } finally {
      expect(await end(service)).toBe(0);
    }
  });
});
