import { MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { type BitmapStore, DirtyBitmap, TidemarkError } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { beforeEach, describe, expect, it } from 'vitest';
import { createSidecar, openSidecarStore } from '../src/index.ts';
import { shared } from './support/shared.ts';
import { SimulatedDrive } from './support/simulated-drive.ts';

const SIZE = 65_536;
const content = new DirtyBitmap(SIZE, 512);
content.set(0, 1);

const create = (name: string, enabled = true) =>
  ({ op: 'create', name, enabled, content }) as const;

let drive: SimulatedDrive;
let file: MemoryDevice;
let notices: string[];

beforeEach(async () => {
  drive = new SimulatedDrive(SIZE);
  file = new MemoryDevice({ size: 0, label: 'file' });
  notices = [];
  await createSidecar(file, { diskSize: SIZE });
});

interface Opening {
  readonly writable?: boolean;
  readonly writesDrive?: boolean;
  /** Default: the drive with its facts. */
  readonly as?: { readonly label: string; readonly size: number };
}

async function session<T>(
  work: (store: BitmapStore) => Promise<T>,
  { as = drive, ...options }: Opening = {},
): Promise<T> {
  await using store = await openSidecarStore({
    drive: as,
    sidecar: shared(file),
    onNotice: (message) => notices.push(message),
    ...options,
  });
  return await work(store);
}

/** The process ends here: nothing is closed. */
async function crash(work: (store: BitmapStore) => Promise<unknown>): Promise<void> {
  await work(await openSidecarStore({ drive, sidecar: shared(file), writesDrive: true }));
}

const commit = (...changes: Parameters<BitmapStore['commit']>[0]) =>
  session((store) => store.commit(changes));

/** State of each bitmap, or the reason why it is inconsistent. */
const states = (options: Opening = {}) =>
  session(async (store) => {
    const bitmaps = await store.list();
    return Object.fromEntries(bitmaps.map(({ name, state, reason }) => [name, reason ?? state]));
  }, options);

const WRITTEN = expect.stringContaining('the drive was written behind its bitmaps');
const LEFT = 'it was in use when the program that recorded in it ended';

describe('a sidecar at rest', () => {
  it('has its bitmaps as long as the drive is as it was', async () => {
    await commit(create('a'), create('b', false));
    expect(await states()).toEqual({ a: 'stored', b: 'stored' });
    expect(await session(async (store) => (await store.load('a')).equals(content))).toBe(true);
    expect(notices).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['was written behind its bitmaps', () => drive.write()],
    ['mode, owner, name or links', () => drive.chmod()],
    ['is another file', () => drive.change({ inode: 13n })],
    ['is another file', () => drive.change({ born: 1n })],
    ['lies on another file system', () => drive.change({ device: 1n })],
    ['nothing can be learned', () => (drive.known = undefined)],
  ])('has no bitmap to trust when the drive %s', async (words, change) => {
    await commit(create('a'), create('b', false));
    change();
    const reason = expect.stringContaining(words);
    expect(await states()).toEqual({ a: reason, b: reason });
    expect(await states({ writable: false })).toEqual({ a: reason, b: reason });
    const refusal = { code: 'BITMAP_INCONSISTENT', message: reason };
    await session(async (store) => {
      await expect(store.load('a')).rejects.toMatchObject(refusal);
      await expect(store.acquire(['a'])).rejects.toMatchObject(refusal);
    });
  });

  it('notes how the drive is after all that was written to it is durable', async () => {
    await commit(create('a'));
    expect(drive.asked).toEqual(['now', 'durable']);
    drive.asked.length = 0;
    await states();
    expect(drive.asked).toEqual(['now']);
  });

  it('keeps untrusted bitmaps untrusted, on disk too, when others are made', async () => {
    await commit(create('a'));
    drive.write();
    await commit(create('b'));
    expect(await states()).toEqual({ a: LEFT, b: 'stored' });
    drive.write();
    expect(await states()).toEqual({ a: WRITTEN, b: WRITTEN });
    await commit({ op: 'remove', name: 'a' }, create('a'), { op: 'remove', name: 'b' });
    expect(await states()).toEqual({ a: 'stored' });
  });

  it('writes what it notes in the same sector, at the same time', async () => {
    const recorder = await RecordingDevice.startOn(file);
    const store = await openSidecarStore({ drive, sidecar: recorder });
    await store.commit([create('a')]);
    await store.close();
    const header = recorder.events.filter((it) => it.op === 'write' && it.offset < 65_536);
    expect(header).toMatchObject([{ op: 'write', offset: 0, bytes: { length: 512 } }]);
  });

  it('changes nothing when the drive cannot be made durable, and goes on', async () => {
    await commit(create('a'));
    await session(async (store) => {
      drive.failure = new TidemarkError('IO_FAILED', 'no sync');
      await expect(store.commit([create('b')])).rejects.toMatchObject({ code: 'IO_FAILED' });
      drive.failure = undefined;
      await store.commit([create('c')]);
    });
    expect(await states()).toEqual({ a: 'stored', c: 'stored' });
  });

  it('is the same when it was opened and closed, even by a writer that wrote nothing', async () => {
    await commit(create('a'));
    const bytes = async () => {
      const all = new Uint8Array(file.size);
      await file.read(all, 0);
      return all;
    };
    const before = await bytes();
    await states();
    await states({ writesDrive: true });
    expect(await bytes()).toEqual(before);
  });
});

describe('a session that writes the drive', () => {
  it('leaves its bitmaps stored when they are, whatever it wrote', async () => {
    await commit(create('a'), create('off', false));
    await session(async (store) => {
      await store.acquire(['a']);
      drive.write();
      await store.commit([{ op: 'store', name: 'a', content }]);
    });
    expect(await states()).toEqual({ a: 'stored', off: 'stored' });
  });

  it('leaves those in use inconsistent when it crashes, and the others as they were', async () => {
    await commit(create('a'), create('off', false));
    await crash((store) => store.acquire(['a']));
    expect(await states()).toEqual({ a: LEFT, off: 'stored' });
    drive.write();
    expect(await states()).toEqual({ a: LEFT, off: 'stored' });
    drive.change({ inode: 99n });
    const another = expect.stringContaining('is another file');
    expect(await states()).toEqual({ a: another, off: another });
  });

  it('leaves what it stored before it crashed only if nothing was written since', async () => {
    await commit(create('a'), create('b'));
    await crash(async (store) => {
      await store.acquire(['a', 'b']);
      drive.write();
      await store.commit([{ op: 'store', name: 'a', content }]);
    });
    expect(await states()).toEqual({ a: 'stored', b: LEFT });
    drive.write();
    expect(await states()).toEqual({ a: WRITTEN, b: LEFT });
  });

  it('does not fall out with the bitmaps that do not record', async () => {
    await commit(create('off', false));
    await session(async () => drive.write(), { writesDrive: true });
    expect(await states()).toEqual({ off: 'stored' });
    await session(async () => drive.write());
    expect(await states()).toEqual({ off: WRITTEN });
  });

  it('does not make bitmaps trusted again that it found untrusted', async () => {
    await commit(create('a'));
    drive.write();
    await session(async () => drive.write(), { writesDrive: true });
    expect(await states()).toEqual({ a: WRITTEN });
  });

  it('does not call them clean when it closes without storing them', async () => {
    await commit(create('a'), create('b'));
    await session(
      async (store) => {
        await store.acquire(['a']);
        drive.write();
      },
      { writesDrive: true },
    );
    expect(await states()).toEqual({ a: LEFT, b: WRITTEN });
  });
});

describe('a sidecar that says nothing of its drive', () => {
  const plain = () => ({ label: 'drive', size: SIZE });

  it('is taken as it is, with a notice, until its bitmaps are changed', async () => {
    await session((store) => store.commit([create('a')]), { as: plain() });
    drive.write();
    expect(await states()).toEqual({ a: 'stored' });
    expect(notices).toEqual([expect.stringContaining('does not say how its drive was')]);
    await commit(create('b'));
    notices.length = 0;
    drive.write();
    expect(await states()).toEqual({ a: WRITTEN, b: WRITTEN });
    expect(notices).toEqual([]);
  });

  it('needs no notice where there is no bitmap, or nothing is known of the drive', async () => {
    await states();
    await session((store) => store.commit([create('a')]), { as: plain() });
    await states({ as: plain() });
    expect(notices).toEqual([]);
  });

  it('tells when there is no room for it, and works without', async () => {
    const long = new Uint8Array(4);
    new DataView(long.buffer).setUint32(0, 400);
    await file.write(long, 100);
    await commit(create('a'));
    expect(notices).toEqual([expect.stringContaining('has no room')]);
    expect(await states()).toEqual({ a: 'stored' });
  });
});

describe('a sidecar whose word is not to be relied on', () => {
  it('has no bitmap to trust when what it says is damaged', async () => {
    await commit(create('a'));
    const byte = new Uint8Array(1);
    await file.read(byte, 112 + 32 + 8 + 60);
    byte[0]! ^= 1;
    await file.write(byte, 112 + 32 + 8 + 60);
    expect(await states()).toEqual({ a: expect.stringContaining('its checksum is wrong') });
    await commit(create('b'));
    expect(await states()).toEqual({ a: LEFT, b: 'stored' });
  });

  it('is strict with a drive that it cannot ask', async () => {
    await commit(create('a'));
    expect(await states({ as: { label: 'drive', size: SIZE } })).toEqual({
      a: expect.stringContaining('nothing can be learned'),
    });
  });

  it('is told from its older copy by the drive alone', async () => {
    await commit(create('a'));
    const copy = new Uint8Array(file.size);
    await file.read(copy, 0);
    await session(async (store) => {
      await store.acquire(['a']);
      drive.write();
      await store.commit([{ op: 'store', name: 'a', content: new DirtyBitmap(SIZE, 512) }]);
    });
    await file.write(copy, 0);
    expect(await states()).toEqual({ a: WRITTEN });
  });

  it('keeps its name and counts on, from session to session', async () => {
    const said = async () => {
      const found = (await openQcow2(shared(file))).metadata.control;
      if (found === undefined || 'problem' in found) throw new Error('it says nothing');
      return found;
    };
    await commit(create('a'));
    const first = await said();
    await commit(create('b'));
    const second = await said();
    expect(second.sequence).toBe(first.sequence + 1n);
    expect(second.control.storeId).toEqual(first.control.storeId);
    expect(second.control.sessionId).not.toEqual(first.control.sessionId);
  });
});
