import { copyFileSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { DirtyBitmap, isTidemarkError } from '@tidemark/core';
import type { TrackedDrive } from '@tidemark/tracking';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { createDrive, openDrive, openDriveBitmaps, openRecordingDrive } from '../src/index.ts';

const GIB = 1024 ** 3;
/** The bits of a bitmap of it take several clusters. */
const SIZE = 160 * GIB;
const GRANULE = 65_536;
/** In three clusters of the bits; of an image the last one's data lies behind all of these. */
const WRITTEN = [0, 100 * GIB, 130 * GIB];
const EARLY = 10 * GIB;
/** In the second. */
const LATER = 50 * GIB;

const CUTS = 8;

const dir = tempDir();
const FORMATS = ['raw', 'qcow2'] as const;
type Format = (typeof FORMATS)[number];

const fileOf = (path: string, format: Format) =>
  format === 'raw' ? `${path}.tidemark.qcow2` : path;

async function create(
  name: string,
  format: Format,
  bitmaps: readonly string[] = ['a', 'off'],
): Promise<string> {
  const path = join(dir, `${name}.${format}`);
  await (await createDrive(path, { format, size: SIZE })).device.close();
  const drive = await openDrive(path, { format, access: 'bitmaps' });
  const { store } = await openDriveBitmaps(drive, { create: true });
  const content = new DirtyBitmap(SIZE, GRANULE);
  for (const name of bitmaps) {
    await store!.commit([{ op: 'create', name, enabled: name !== 'off', content }]);
  }
  await store!.close();
  await drive.device.close();
  return path;
}

const write = (drive: TrackedDrive, offset: number) =>
  drive.device.write(Buffer.alloc(512, 1), offset);

/** What whoever comes next takes for the truth. Undefined: nothing at all. */
async function trusted(path: string, format: Format): Promise<DirtyBitmap | undefined> {
  try {
    const drive = await openDrive(path, { format });
    try {
      const { store } = await openDriveBitmaps(drive);
      try {
        return await store!.load('a');
      } finally {
        await store!.close();
      }
    } finally {
      await drive.device.close();
    }
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    return undefined;
  }
}

describe.each(FORMATS)(
  'the file that has the bitmaps of a %s drive, cut short meanwhile',
  (format) => {
    async function cutTo(
      name: string,
      left: number,
      after: (drive: TrackedDrive) => Promise<unknown>,
    ) {
      const path = await create(name, format);
      const before = await openRecordingDrive(path);
      for (const offset of WRITTEN) await write(before, offset);
      await before.close();
      const notices: string[] = [];
      const drive = await openRecordingDrive(path, { onNotice: (text) => notices.push(text) });
      // It is in use from here on, and what lies in the file is not written again.
      await write(drive, EARLY);
      await drive.device.flush();
      const file = fileOf(path, format);
      truncateSync(file, Math.floor((statSync(file).size * left) / CUTS));
      await after(drive);
      await drive.close().catch((error: unknown) => {
        if (!isTidemarkError(error)) throw error;
      });
      return { path, notices };
    }

    const AFTER: readonly (readonly [string, (drive: TrackedDrive) => Promise<unknown>])[] = [
      ['nothing more is written', async () => {}],
      [
        'it is written elsewhere',
        // A guest whose image was cut short may hear of that.
        async (drive) => write(drive, LATER).catch(() => {}),
      ],
      [
        'it is written at its end',
        async (drive) => {
          await write(drive, SIZE - 512).catch(() => {});
          await write(drive, WRITTEN.at(-1)!).catch(() => {});
        },
      ],
    ];

    it.each(AFTER)('leaves no bitmap that is too clean when %s', async (name, after) => {
      for (let left = 0; left < CUTS; left++) {
        const { path } = await cutTo(`${name}-${left}`, left, after);
        const bitmap = await trusted(path, format);
        const missing = bitmap && WRITTEN.filter((at) => bitmap.nextDirty(at, at + GRANULE) === -1);
        expect(missing ?? []).toEqual([]);
      }
    });

    it('says so, and goes on without the bitmaps', async () => {
      const { path, notices } = await cutTo('told', 4, async (drive) => {
        await write(drive, LATER).catch(() => {});
        const states = async () =>
          (await drive.list()).map(({ name, inconsistent }) => ({ name, inconsistent }));
        await expect.poll(states).toContainEqual({ name: 'a', inconsistent: true });
      });
      expect(notices.join('\n')).toMatch(/its file was cut short while it was open/);
      expect(await trusted(path, format)).toBeUndefined();
    });
  },
);

it('bitmaps in a copy of an image that took its place while it was written are not trusted', async () => {
  const path = await create('copied', 'qcow2');
  const drive = await openRecordingDrive(path);
  await write(drive, EARLY);
  copyFileSync(path, `${path}.copy`);
  await write(drive, LATER);
  renameSync(`${path}.copy`, path);
  await drive.close();
  expect(await trusted(path, 'qcow2')).toBeUndefined();
});

it('a sidecar that is replaced while its drive is open is told of', async () => {
  const path = await create('replaced', 'raw', ['off']);
  const file = fileOf(path, 'raw');
  copyFileSync(file, `${file}.copy`);
  const notices: string[] = [];
  const drive = await openRecordingDrive(path, { onNotice: (text) => notices.push(text) });
  renameSync(`${file}.copy`, file);
  await drive.close();
  expect(notices).toContainEqual(expect.stringMatching(/is not the file in its place any more/));
});
