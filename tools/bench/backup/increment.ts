import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createDrive, openDrive, openDriveBitmaps } from '@tidemark/drive';
import { DirtyBitmap } from '@tidemark/core';

export const GRANULE = 65_536;
export const BITMAP = 'bench';

/** A drive of which 5 % are dirty, in random granules, as its own bitmap says. */
export interface Increment {
  readonly path: string;
  readonly size: number;
  readonly dirtyBytes: number;
}

/** All of it is data, so that everybody has to look for what is dirty. */
export async function makeIncrement(dir: string, size: number): Promise<Increment> {
  const path = join(dir, 'drive.qcow2');
  const { device } = await createDrive(path, { format: 'qcow2', size });
  const piece = randomBytes(8 * 2 ** 20);
  for (let at = 0; at < size; at += piece.length) {
    // No two granules are alike.
    for (let inner = 0; inner < piece.length; inner += GRANULE) {
      piece.writeDoubleBE(at + inner, inner);
    }
    await device.write(piece.subarray(0, size - at), at);
  }
  await device.close();
  const content = randomGranules(size);
  const drive = await openDrive(path, { access: 'bitmaps' });
  const { store } = await openDriveBitmaps(drive);
  await store!.commit([{ op: 'create', name: BITMAP, enabled: true, content }]);
  await store!.close();
  await drive.device.close();
  return { path, size, dirtyBytes: content.dirtyBytes };
}

function randomGranules(size: number): DirtyBitmap {
  const content = new DirtyBitmap(size, GRANULE);
  let state = 1;
  while (content.dirtyBytes < size * 0.05) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    content.set(Math.floor((state / 2 ** 32) * (size / GRANULE)) * GRANULE, 1);
  }
  return content;
}

/** Of the drive alone: the next one to read it has to wait for the disk. */
export function dropCaches({ path }: Increment): void {
  execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], {
    stdio: 'ignore',
  });
}
