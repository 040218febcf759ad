import { promises as nodeFs } from 'node:fs';
import { mkdir, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileDevice, type OpenFile } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import { readBytes } from '../../../tools/device/bytes.ts';
import { run, sh, tempDir } from '../../../tools/qemu.ts';
import { lacksLoopDevices } from './support/gates.ts';

const dir = tempDir();
const MIB = 1024 * 1024;

/**
 * node:fs whose files tell of a failed write as Linux does: to the sync of the descriptor that asks
 * first, and to no other one. `held`: ends the syncs that are under way, the first one first.
 */
function withErrorSequence() {
  const held: (() => void)[] = [];
  let isUnseen = true;
  const datasync = async () => {
    const isTold = isUnseen;
    isUnseen = false;
    await new Promise<void>((resolve) => held.push(resolve));
    if (isTold) throw Object.assign(new Error('EIO'), { code: 'EIO' });
  };
  const fs = {
    ...nodeFs,
    async open(path: string, flags: string | number): Promise<OpenFile> {
      return Object.assign(await nodeFs.open(path, flags), { datasync });
    },
  };
  return { fs, held };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('A3: a sync error', () => {
  it.each(['in order', 'the other way round'])(
    'is told to all who sync beside the one that meets it, which end %s',
    async (order) => {
      const path = join(dir, order);
      await writeFile(path, new Uint8Array(512));
      const { fs, held } = withErrorSequence();
      const device = await openFileDevice(path, { writable: true, fs });
      await device.write(new Uint8Array(512), 0);
      // A mark's, and a guest's that begins before the mark hears of the error.
      const first = device.flush();
      await turn();
      const syncs = Promise.allSettled([first, device.flush()]);
      await turn();
      if (order !== 'in order') held.reverse();
      for (let rounds = 0; rounds < 4; rounds++) {
        for (const end of held.splice(0)) {
          end();
          await turn();
        }
      }
      expect((await syncs).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      await expect(device.flush()).rejects.toMatchObject({ code: 'IO_FAILED' });
      await expect(device.close()).rejects.toMatchObject({ code: 'IO_FAILED' });
    },
  );

  it('is met by whoever asks for a sync while one is under way that began before', async () => {
    const path = join(dir, 'late');
    await writeFile(path, new Uint8Array(512));
    let syncs = 0;
    const gate = Promise.withResolvers<void>();
    const datasync = async () => {
      syncs += 1;
      if (syncs === 1) return gate.promise;
      throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    const fs = {
      ...nodeFs,
      open: async (...args: Parameters<typeof nodeFs.open>) =>
        Object.assign(await nodeFs.open(...args), { datasync }),
    };
    const device = await openFileDevice(path, { writable: true, fs });
    const first = device.flush();
    await turn();
    const both = Promise.allSettled([first, device.flush()]);
    await turn();
    gate.resolve();
    expect((await both).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await expect(device.close()).rejects.toMatchObject({ code: 'IO_FAILED' });
  });
});

describe.skipIf(lacksLoopDevices('writes that a disk refuses'))('A3: a disk without room', () => {
  it('shows what it has, and not what it could not be given, to the one after as well', async () => {
    const [pool, mount] = [join(dir, 'pool'), join(dir, 'mount')];
    await mkdir(pool);
    await mkdir(mount);
    await run('mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', pool);
    try {
      const image = join(pool, 'image');
      await writeFile(image, '');
      await truncate(image, 64 * MIB);
      await run('mkfs.ext4', '-q', '-O', '^has_journal', image);
      await run('mount', '-o', 'loop', image, mount);
      const { syncs, found, later } = await useFullDisk(pool, join(mount, 'drive'));
      expect(syncs).toEqual(['failed', 'failed', 'failed']);
      expect(found.includes(0)).toBe(true);
      // The system has told of the error, and tells nobody again.
      expect(later.sync).toBe('done');
      expect(Buffer.compare(later.found, found)).toBe(0);
    } finally {
      await sh('umount', mount);
      await sh('umount', pool);
    }
  });
});

async function useFullDisk(pool: string, path: string) {
  await writeFile(path, '');
  const device = await openFileDevice(path, { writable: true });
  await device.resize(4 * MIB);
  await device.flush();
  await fill(join(pool, 'filler'));
  await device.write(new Uint8Array(4 * MIB).fill(0x42), 0);
  const syncs = [await outcome(device.flush()), await outcome(device.flush())];
  const found = await readBytes(device);
  syncs.push(await outcome(device.close()));
  await using again = await openFileDevice(path, { writable: true });
  return {
    syncs,
    found,
    later: { sync: await outcome(again.flush()), found: await readBytes(again) },
  };
}

const outcome = async (call: Promise<void>) =>
  call.then(
    () => 'done',
    () => 'failed',
  );

async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (;;) await file.write(new Uint8Array(65_536));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    await file.close();
  }
}
