import { RecordingDevice } from '@tidemark/block/testing';
import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { beforeEach, describe, expect, it } from 'vitest';
import { openSidecarStore } from '../src/index.ts';
import { content, create, LEFT, Sessions, SIZE } from './support/sessions.ts';
import { shared } from './support/shared.ts';

let at: Sessions;

beforeEach(async () => {
  at = await Sessions.begin();
});

const WRITTEN = expect.stringContaining('the drive was written behind its bitmaps');

describe('a sidecar at rest', () => {
  it('has its bitmaps as long as the drive is as it was', async () => {
    await at.commit(create('a'), create('b', false));
    expect(await at.states()).toEqual({ a: 'stored', b: 'stored' });
    expect(await at.run(async (store) => (await store.load('a')).equals(content))).toBe(true);
    expect(at.notices).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['was written behind its bitmaps', () => at.drive.write()],
    ['mode, owner, name or links', () => at.drive.chmod()],
    ['is another file', () => at.drive.change({ inode: 13n })],
    ['is another file', () => at.drive.change({ born: 1n })],
    ['lies on another file system', () => at.drive.change({ device: 1n })],
    ['nothing can be learned', () => (at.drive.known = undefined)],
  ])('has no bitmap to trust when the drive %s', async (words, change) => {
    await at.commit(create('a'), create('b', false));
    change();
    const reason = expect.stringContaining(words);
    expect(await at.states()).toEqual({ a: reason, b: reason });
    expect(await at.states({ writable: false })).toEqual({ a: reason, b: reason });
    const refusal = { code: 'BITMAP_INCONSISTENT', message: reason };
    await at.run(async (store) => {
      await expect(store.load('a')).rejects.toMatchObject(refusal);
      await expect(store.acquire(['a'])).rejects.toMatchObject(refusal);
    });
  });

  it('tells programs by a code which rule it was', async () => {
    await at.commit(create('a'));
    at.drive.change({ inode: 13n });
    const [a] = await at.run((store) => store.list());
    expect(a).toMatchObject({ state: 'inconsistent', rule: 'inode' });
  });

  it('A19: notes how the drive is after all that was written to it is durable', async () => {
    await at.commit(create('a'));
    expect(at.drive.asked).toEqual(['now', 'durable']);
    at.drive.asked.length = 0;
    await at.states();
    expect(at.drive.asked).toEqual(['now']);
  });

  it('keeps untrusted bitmaps untrusted, on disk too, when others are made', async () => {
    await at.commit(create('a'));
    at.drive.write();
    await at.commit(create('b'));
    expect(await at.states()).toEqual({ a: LEFT, b: 'stored' });
    at.drive.write();
    expect(await at.states()).toEqual({ a: WRITTEN, b: WRITTEN });
    await at.commit({ op: 'remove', name: 'a' }, create('a'), { op: 'remove', name: 'b' });
    expect(await at.states()).toEqual({ a: 'stored' });
  });

  it('A19: writes what it notes in the same sector, at the same time', async () => {
    const recorder = await RecordingDevice.startOn(at.file);
    const store = await openSidecarStore({ drive: at.drive, sidecar: recorder });
    await store.commit([create('a')]);
    await store.close();
    const header = recorder.events.filter((it) => it.op === 'write' && it.offset < 65_536);
    // Before it comes what is there for a takeover by QEMU alone.
    expect(header).toMatchObject([
      { op: 'write', offset: 512, bytes: { length: 512 } },
      { op: 'write', offset: 0, bytes: { length: 512 } },
    ]);
  });

  it('changes nothing when the drive cannot be made durable, and goes on', async () => {
    await at.commit(create('a'));
    await at.run(async (store) => {
      at.drive.failure = new TidemarkError('IO_FAILED', 'no sync');
      await expect(store.commit([create('b')])).rejects.toMatchObject({ code: 'IO_FAILED' });
      at.drive.failure = undefined;
      await store.commit([create('c')]);
    });
    expect(await at.states()).toEqual({ a: 'stored', c: 'stored' });
  });

  it('is the same when it was opened and closed, even by a writer that wrote nothing', async () => {
    await at.commit(create('a'));
    const bytes = async () => {
      const all = new Uint8Array(at.file.size);
      await at.file.read(all, 0);
      return all;
    };
    const before = await bytes();
    await at.states();
    await at.states({ writesDrive: true });
    expect(await bytes()).toEqual(before);
  });
});

describe('a session that writes the drive', () => {
  it('leaves its bitmaps stored when they are, whatever it wrote', async () => {
    await at.commit(create('a'), create('off', false));
    await at.run(async (store) => {
      await store.acquire(['a']);
      at.drive.write();
      await store.commit([{ op: 'store', name: 'a', content }]);
    });
    expect(await at.states()).toEqual({ a: 'stored', off: 'stored' });
  });

  it('leaves those in use inconsistent when it crashes, and the others as they were', async () => {
    await at.commit(create('a'), create('off', false));
    await at.crash((store) => store.acquire(['a']));
    expect(await at.states()).toEqual({ a: LEFT, off: 'stored' });
    at.drive.write();
    expect(await at.states()).toEqual({ a: LEFT, off: 'stored' });
    at.drive.change({ inode: 99n });
    const another = expect.stringContaining('is another file');
    expect(await at.states()).toEqual({ a: another, off: another });
  });

  it('leaves what it stored before it crashed only if nothing was written since', async () => {
    await at.commit(create('a'), create('b'));
    await at.crash(async (store) => {
      await store.acquire(['a', 'b']);
      at.drive.write();
      await store.commit([{ op: 'store', name: 'a', content }]);
    });
    expect(await at.states()).toEqual({ a: 'stored', b: LEFT });
    at.drive.write();
    expect(await at.states()).toEqual({ a: WRITTEN, b: LEFT });
  });

  it('does not fall out with the bitmaps that do not record', async () => {
    await at.commit(create('off', false));
    await at.run(async () => at.drive.write(), { writesDrive: true });
    expect(await at.states()).toEqual({ off: 'stored' });
    await at.run(async () => at.drive.write());
    expect(await at.states()).toEqual({ off: WRITTEN });
  });

  it('does not make bitmaps trusted again that it found untrusted', async () => {
    await at.commit(create('a'));
    at.drive.write();
    await at.run(async () => at.drive.write(), { writesDrive: true });
    expect(await at.states()).toEqual({ a: WRITTEN });
  });

  it('does not call them clean when it closes without storing them', async () => {
    await at.commit(create('a'), create('b'));
    await at.run(
      async (store) => {
        await store.acquire(['a']);
        at.drive.write();
      },
      { writesDrive: true },
    );
    expect(await at.states()).toEqual({ a: LEFT, b: WRITTEN });
  });
});

describe('a sidecar that says nothing of its drive', () => {
  const plain = () => ({ label: 'drive', size: SIZE });

  it('is taken as it is, with a notice, until its bitmaps are changed', async () => {
    await at.run((store) => store.commit([create('a')]), { drive: plain() });
    at.drive.write();
    expect(await at.states()).toEqual({ a: 'stored' });
    expect(at.notices).toEqual([expect.stringContaining('does not say how its drive was')]);
    await at.commit(create('b'));
    at.notices.length = 0;
    at.drive.write();
    expect(await at.states()).toEqual({ a: WRITTEN, b: WRITTEN });
    expect(at.notices).toEqual([]);
  });

  it('needs no notice where there is no bitmap, or nothing is known of the drive', async () => {
    await at.states();
    await at.run((store) => store.commit([create('a')]), { drive: plain() });
    await at.states({ drive: plain() });
    expect(at.notices).toEqual([]);
  });

  it('tells when there is no room for it, and works without', async () => {
    const long = new Uint8Array(4);
    new DataView(long.buffer).setUint32(0, 400);
    await at.file.write(long, 100);
    await at.commit(create('a'));
    expect(at.notices).toEqual([expect.stringContaining('has no room')]);
    expect(await at.states()).toEqual({ a: 'stored' });
  });
});

describe('a sidecar whose word is not to be relied on', () => {
  it('has no bitmap to trust when what it says is damaged', async () => {
    await at.commit(create('a'));
    const byte = new Uint8Array(1);
    await at.file.read(byte, 112 + 32 + 8 + 60);
    byte[0]! ^= 1;
    await at.file.write(byte, 112 + 32 + 8 + 60);
    expect(await at.states()).toEqual({ a: expect.stringContaining('its checksum is wrong') });
    await at.commit(create('b'));
    expect(await at.states()).toEqual({ a: LEFT, b: 'stored' });
  });

  it('is strict with a drive that it cannot ask', async () => {
    await at.commit(create('a'));
    expect(await at.states({ drive: { label: 'drive', size: SIZE } })).toEqual({
      a: expect.stringContaining('nothing can be learned'),
    });
  });

  it('is told from its older copy by the drive alone', async () => {
    await at.commit(create('a'));
    const copy = new Uint8Array(at.file.size);
    await at.file.read(copy, 0);
    await at.run(async (store) => {
      await store.acquire(['a']);
      at.drive.write();
      await store.commit([{ op: 'store', name: 'a', content: new DirtyBitmap(SIZE, 512) }]);
    });
    await at.file.write(copy, 0);
    expect(await at.states()).toEqual({ a: WRITTEN });
  });

  it('keeps its name and counts on, from session to session', async () => {
    const said = async () => {
      const found = (await openQcow2(shared(at.file))).metadata.control;
      if (found === undefined || 'problem' in found) throw new Error('it says nothing');
      return found;
    };
    await at.commit(create('a'));
    const first = await said();
    await at.commit(create('b'));
    const second = await said();
    expect(second.sequence).toBe(first.sequence + 1n);
    expect(second.control.storeId).toEqual(first.control.storeId);
    expect(second.control.sessionId).not.toEqual(first.control.sessionId);
  });
});
