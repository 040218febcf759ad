import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { connectNbd } from '@tidemark/nbd';
import { QmpClient } from '@tidemark/qmp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { dirtyRanges, guestWrite } from './support/serving.ts';

const SIZE = 64 * 1024 * 1024;
const GRANULE = 65_536;
const CONTEXT = 'qemu:dirty-bitmap:n';
const CHECKPOINT = '00112233445566778899aabbccddeeff';
const root = tempDir();
let dir = '';
let count = 0;

beforeEach(() => {
  dir = join(root, String(count++));
  mkdirSync(dir);
});

const started: Daemon[] = [];
// One that a test left behind, because it failed, would outlive the run.
afterEach(async () => {
  for (const daemon of started.splice(0)) await daemon.stop('SIGKILL');
});

const uri = () => `nbd+unix:///d?socket=${dir}/nbd.sock`;
const write = (granule: number, byte: number) => guestWrite(uri(), granule * GRANULE, 1, byte);

/** The daemon on one drive with a bitmap `n`, started once more after a kill if need be. */
async function start(path: string, format: string, create: boolean): Promise<Daemon> {
  const daemon = await startDaemon(
    ...['-drive', `file=${path},format=${format},id=d`],
    ...['-dirty-bitmap', `name=n,drive=d${create ? ',create=on' : ''}`],
    ...['--nbd-server', `addr.type=unix,addr.path=${dir}/nbd.sock`],
    ...['--qmp', `unix:${dir}/qmp.sock`],
  );
  started.push(daemon);
  return daemon;
}

async function ask(command: string, args: Record<string, string | boolean>): Promise<unknown> {
  await using qmp = await QmpClient.connect(join(dir, 'qmp.sock'));
  return await qmp.execute(command, { node: 'd', name: 'n', ...args });
}

async function freeze(): Promise<string> {
  return ((await ask('x-tidemark-bitmap-freeze', {})) as { id: string }).id;
}

const release = (id: string, clear: boolean, more: { checkpoint?: string } = {}) =>
  ask('x-tidemark-bitmap-release', { id, clear, ...more });

/** Brings a copy up to what the export calls dirty: a client that comes, pulls and goes. */
async function pull(copy: Uint8Array): Promise<readonly number[]> {
  await using disk = await connectNbd(uri(), { contexts: [CONTEXT] });
  const pulled: number[] = [];
  let at = 0;
  for await (const { length, flags } of disk.contextExtents(CONTEXT, 0, SIZE)) {
    if (flags === 1) {
      await disk.read(copy.subarray(at, at + length), at);
      for (let done = 0; done < length; done += GRANULE) pulled.push((at + done) / GRANULE);
    }
    at += length;
  }
  return pulled;
}

async function differs(copy: Uint8Array): Promise<boolean> {
  await using disk = await connectNbd(uri());
  const now = new Uint8Array(SIZE);
  await disk.read(now, 0);
  return !Buffer.from(now.buffer).equals(copy);
}

describe.each(['qcow2', 'raw'] as const)('A18: a backup that pulls from a %s drive', (format) => {
  async function begin(): Promise<{ path: string; daemon: Daemon }> {
    const path = join(dir, `d.${format}`);
    await (await createDrive(path, { format, size: SIZE })).device.close();
    return { path, daemon: await start(path, format, true) };
  }

  it('sees bits that stand still, and the next one gets all that was written since', async () => {
    const { path, daemon } = await begin();
    const copy = new Uint8Array(SIZE);
    await write(1, 1);
    const first = await freeze();
    await write(2, 2);
    await write(1, 3);
    expect(await pull(copy)).toEqual([1]);
    await write(500, 4);
    expect(await pull(copy)).toEqual([1]);
    await release(first, true, { checkpoint: CHECKPOINT });

    await write(3, 5);
    const second = await freeze();
    expect(await pull(copy)).toEqual([1, 2, 3, 500]);
    expect(await differs(copy)).toBe(false);
    // It failed, let us say: the next one gets the same, and more.
    await release(second, false);
    await write(4, 6);
    expect(await pull(copy)).toEqual([1, 2, 3, 4, 500]);
    expect(await differs(copy)).toBe(false);
    expect(await daemon.stop()).toMatchObject({ code: 0 });
    expect(await dirtyRanges(path, 'n', '--format', format)).toEqual([
      [GRANULE, 4 * GRANULE],
      [500 * GRANULE, GRANULE],
    ]);
  });

  it('clears by its own id alone, and no client that goes clears or ends it', async () => {
    const { path, daemon } = await begin();
    const copy = new Uint8Array(SIZE);
    await write(1, 1);
    const old = await freeze();
    await release(old, false);
    const id = await freeze();
    await write(2, 2);
    expect(await pull(copy)).toEqual([1]);
    for (const wrong of [old, 'x']) {
      await expect(release(wrong, true)).rejects.toThrow(`is not frozen as '${wrong}'`);
    }
    const busy = 'is currently in use by another operation';
    await expect(ask('block-dirty-bitmap-clear', {})).rejects.toThrow(busy);
    expect(await pull(copy)).toEqual([1]);
    await release(id, true);
    await expect(release(id, true)).rejects.toThrow('is not frozen');
    expect(await pull(copy)).toEqual([2]);
    expect(await differs(copy)).toBe(false);
    expect(await daemon.stop()).toMatchObject({ code: 0 });
    expect(await dirtyRanges(path, 'n', '--format', format)).toEqual([[2 * GRANULE, GRANULE]]);
  });

  it('loses nothing by a kill -9 before its release, and its id is worth nothing then', async () => {
    const { path, daemon } = await begin();
    const copy = new Uint8Array(SIZE);
    await write(1, 1);
    const id = await freeze();
    await pull(copy);
    await write(2, 2);
    await write(900, 3);
    await daemon.stop('SIGKILL');
    const again = await start(path, format, false);
    await expect(release(id, true)).rejects.toThrow('is not frozen');
    const next = await freeze();
    expect(await pull(copy)).toEqual(expect.arrayContaining([1, 2, 900]));
    expect(await differs(copy)).toBe(false);
    await write(5, 4);
    await release(next, true);
    await again.stop('SIGKILL');
    const last = await start(path, format, false);
    expect(await pull(copy)).toContain(5);
    expect(await differs(copy)).toBe(false);
    expect(await last.stop()).toMatchObject({ code: 0 });
  });
});
