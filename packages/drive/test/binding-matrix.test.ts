import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DirtyBitmap, isTidemarkError } from '@tidemark/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDrive, openDriveBitmaps, openRecordingDrive } from '../src/index.ts';
import { crashBusy, endLease } from './support/crashed-session.ts';
import { ACTIONS, type Place, run, SIZE } from './support/drive-changes.ts';
import { FILE_SYSTEMS, type FileSystemKind, type MountedFolder } from './support/file-systems.ts';

function isMissing(program: string | undefined): boolean {
  if (program === undefined) return false;
  if (program === 'losetup' && process.getuid?.() !== 0) return true;
  try {
    const isThere = program === 'python3' ? `${program} -c "import mmap"` : `command -v ${program}`;
    run('sh', '-c', isThere);
    return false;
  } catch {
    return true;
  }
}

const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** State of bitmap 'a', or why it is inconsistent, or the code that its sidecar is refused with. */
async function look(path: string): Promise<string> {
  const drive = await openDrive(path, { format: 'raw' });
  try {
    const { store } = await openDriveBitmaps(drive);
    await using bitmaps = store!;
    const [a] = await bitmaps.list();
    return a!.reason ?? a!.state;
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    return error.code;
  } finally {
    await drive.device.close();
  }
}

async function addBitmap(path: string): Promise<void> {
  const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
  const { store } = await openDriveBitmaps(drive, { create: true });
  const content = new DirtyBitmap(SIZE, 65_536);
  await store!.commit([{ op: 'create', name: 'a', enabled: true, content }]);
  await store!.close();
  await drive.device.close();
}

async function record(path: string): Promise<void> {
  const drive = await openRecordingDrive(path, { format: 'raw' });
  await drive.device.write(Buffer.from('ours'), 5000);
  await drive.close();
}

function matrixOn(kind: FileSystemKind): void {
  const { name, missing } = kind;
  if (missing !== undefined) console.warn(`SKIPPED: binding on ${name}: needs ${missing}`);
  describe.skipIf(missing !== undefined)(`a drive on ${name}`, () => {
    let mounted: MountedFolder;
    let count = 0;
    beforeAll(() => {
      mounted = kind.make();
    });
    afterAll(() => mounted.remove());

    function newPlace(): Place {
      const folder = join(mounted.folder, String((count += 1)));
      mkdirSync(folder);
      const path = join(folder, 'disk.raw');
      writeFileSync(path, Buffer.alloc(SIZE, 1));
      return { path, sidecar: `${path}.tidemark.qcow2`, other: join(folder, 'other') };
    }

    for (const { name: action, prepare, act, found, needs } of ACTIONS) {
      const isSkipped = missing === undefined && isMissing(needs);
      if (isSkipped) console.warn(`SKIPPED: binding on ${name}: ${action}: needs ${needs}`);
      it.skipIf(isSkipped)(`is seen through after a crash when somebody ${action}`, async () => {
        const place = newPlace();
        await addBitmap(place.path);
        prepare?.(place);
        await crashBusy(place.path, place.sidecar);
        await endLease(place.path, place.sidecar);
        expect(await look(place.path)).toBe('stored');
        const before = digest(place.path);
        act(place);
        const state = await look(place.path);
        expect(state === 'stored').toBe(found === 'stored');
        const isChanged = digest(place.path) !== before;
        expect({ isChanged, isAccepted: isChanged && state === 'stored' }).toMatchObject({
          isAccepted: false,
        });
      });

      it.skipIf(isSkipped)(`is seen through when somebody ${action}`, async () => {
        const place = newPlace();
        await addBitmap(place.path);
        prepare?.(place);
        await record(place.path);
        expect(await look(place.path)).toBe('stored');
        const before = digest(place.path);
        act(place);
        const state = await look(place.path);
        expect(state).toContain(found);
        // Whatever the table above says: content that has changed is never accepted.
        const isChanged = digest(place.path) !== before;
        expect({ isChanged, isAccepted: isChanged && state === 'stored' }).toMatchObject({
          isAccepted: false,
        });
      });
    }

    it('is what it was when its file system was unmounted and mounted again', async () => {
      const { path } = newPlace();
      await addBitmap(path);
      await record(path);
      mounted.remount?.();
      expect(await look(path)).toBe('stored');
    });

    it('is what it was when that happened after a crash', async () => {
      const { path, sidecar } = newPlace();
      await addBitmap(path);
      await crashBusy(path, sidecar);
      mounted.remount?.();
      expect(await look(path)).toBe('stored');
    });
  });
}

for (const kind of FILE_SYSTEMS) matrixOn(kind);
