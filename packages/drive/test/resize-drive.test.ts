import { truncateSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { createDrive, openDrive, openDriveBitmaps, resizeDrive } from '../src/index.ts';

const MIB = 1024 * 1024;
const GRANULE = 65_536;

const dir = tempDir();

async function makeDrive(name: string, format: 'raw' | 'qcow2'): Promise<string> {
  const path = join(dir, name);
  if (format === 'raw') await writeFile(path, new Uint8Array(MIB).fill(1));
  else await (await createDrive(path, { format, size: MIB })).device.close();
  await withBitmaps(path, format, async (store) => {
    const content = new DirtyBitmap(MIB, GRANULE);
    content.set(0, 1);
    for (const enabled of [true, false]) {
      const name = enabled ? 'on' : 'off';
      await store.commit([{ op: 'create', name, enabled, content }]);
    }
  });
  return path;
}

async function withBitmaps<T>(
  path: string,
  format: 'raw' | 'qcow2',
  work: (store: NonNullable<Awaited<ReturnType<typeof openDriveBitmaps>>['store']>) => Promise<T>,
): Promise<T> {
  const drive = await openDrive(path, { format, access: 'bitmaps' });
  try {
    const { store } = await openDriveBitmaps(drive, { create: true });
    try {
      return await work(store!);
    } finally {
      await store!.close();
    }
  } finally {
    await drive.device.close();
  }
}

async function look(path: string, format: 'raw' | 'qcow2') {
  return withBitmaps(path, format, async (store) => {
    const dirty: Record<string, unknown> = {};
    for (const { name, state, reason } of await store.list()) {
      const bits = state === 'stored' ? await store.load(name) : undefined;
      dirty[name] = bits
        ? [...bits.dirtyExtents()].map(({ offset, length }) => [offset, length])
        : (reason ?? state);
    }
    return { size: store.diskSize, dirty };
  });
}

describe.each(['raw', 'qcow2'] as const)('resizeDrive of a %s drive', (format) => {
  const FIRST = [0, GRANULE];

  it('grows it with its bitmaps, and what is added counts as written', async () => {
    const path = await makeDrive(`grow.${format}`, format);
    await resizeDrive(path, 3 * MIB, { format });
    const bits = [FIRST, [MIB, 2 * MIB]];
    expect(await look(path, format)).toEqual({ size: 3 * MIB, dirty: { on: bits, off: bits } });
    const drive = await openDrive(path, { format });
    expect(drive.device.size).toBe(3 * MIB);
    await drive.device.close();
  });

  it('A11: shrinks it only when told to, and forgets nothing when it grows again', async () => {
    const path = await makeDrive(`shrink.${format}`, format);
    const refused = resizeDrive(path, MIB / 2, { format });
    await expect(refused).rejects.toMatchObject({ code: 'USAGE' });
    await resizeDrive(path, MIB / 2, { format, shrink: true });
    await resizeDrive(path, MIB, { format });
    const bits = [FIRST, [MIB / 2, MIB / 2]];
    expect(await look(path, format)).toEqual({ size: MIB, dirty: { on: bits, off: bits } });
  });

  it('changes nothing where the size is the same', async () => {
    const path = await makeDrive(`same.${format}`, format);
    await resizeDrive(path, MIB, { format });
    expect(await look(path, format)).toEqual({ size: MIB, dirty: { on: [FIRST], off: [FIRST] } });
  });
});

describe('A19: a raw drive that was resized by somebody else', () => {
  it('is not taken for one that we have resized', async () => {
    const path = await makeDrive('behind.raw', 'raw');
    await resizeDrive(path, 2 * MIB, { format: 'raw' });
    truncateSync(path, MIB);
    await expect(look(path, 'raw')).rejects.toMatchObject({ code: 'SIDECAR_MISMATCH' });
    truncateSync(path, 2 * MIB);
    const behind = expect.stringContaining('behind its bitmaps');
    expect((await look(path, 'raw')).dirty).toEqual({ on: behind, off: behind });
  });
});
