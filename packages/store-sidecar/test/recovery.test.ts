import type { BitmapStore } from '@tidemark/core';
import { BitmapDirectory, openQcow2 } from '@tidemark/qcow2';
import { beforeEach, describe, expect, it } from 'vitest';
import { create, LEFT, Sessions, SIZE } from './support/sessions.ts';
import { shared } from './support/shared.ts';

const LIVE = { live: true };
const SECTOR = new Uint8Array(512);
// Granules 0 and 9, of 128.
SECTOR.set([1, 2]);

let at: Sessions;

beforeEach(async () => {
  at = await Sessions.begin();
  await at.commit(create('a'), create('off', false));
});

/** As tracking does: marks, then writes, while the lease allows it. */
async function record(store: BitmapStore): Promise<void> {
  const { live } = store;
  await live!.bits('a').write(SECTOR, 0);
  await live!.sync();
  while (!live!.lease!.allowsWrite()) await live!.lease!.renew();
  live!.lease!.begin();
  at.drive.write();
  live!.lease!.end();
}

async function session(store: BitmapStore): Promise<void> {
  await store.acquire(['a'], LIVE);
  await record(store);
}

async function said() {
  const found = (await openQcow2(shared(at.file))).metadata.control;
  if (found === undefined || 'problem' in found) throw new Error('it says nothing');
  return found.control;
}

const BEHIND = expect.stringContaining('the drive was changed at');

describe('a sidecar whose session crashed', () => {
  it('has live bitmaps with all that was marked, and says that it recovered them', async () => {
    await at.crash(session);
    at.notices.length = 0;
    expect(await at.states()).toEqual({ a: 'stored', off: 'stored' });
    expect(at.notices).toEqual([expect.stringContaining("'a' holds all that was written")]);
    const dirty = await at.run(async (store) => [...(await store.load('a')).dirtyExtents()]);
    expect(dirty.map(({ offset }) => offset)).toEqual([0, 9 * 512]);
  });

  it('can be asked for them again and again, also for reading, and changes nothing', async () => {
    await at.crash(session);
    const before = await said();
    for (const writable of [true, false, true]) {
      expect(await at.states({ writable })).toEqual({ a: 'stored', off: 'stored' });
    }
    expect(await said()).toEqual(before);
  });

  it('goes on with them in the next session, and has them at rest when that is closed', async () => {
    await at.crash(session);
    at.drive.now += 3_600_000;
    await at.run(session, { writesDrive: true });
    expect(await at.states()).toEqual({ a: 'stored', off: 'stored' });
    await at.run(async (store) => {
      await session(store);
      await store.commit([{ op: 'release', name: 'a' }]);
    });
    expect(await said()).toMatchObject({ state: 'idle', liveEntries: [] });
    at.notices.length = 0;
    expect(await at.states()).toEqual({ a: 'stored', off: 'stored' });
    expect(at.notices).toEqual([]);
    at.drive.write();
    expect(await at.states()).toMatchObject({ a: expect.stringContaining('behind its bitmaps') });
  });

  it('has them at rest after a change by somebody who records nothing', async () => {
    await at.crash(session);
    await at.commit(create('b'));
    expect(await said()).toMatchObject({ state: 'idle' });
    expect(await at.states()).toEqual({ a: 'stored', off: 'stored', b: 'stored' });
  });

  it('does not have bitmaps that were in use in another way', async () => {
    await at.commit(create('b'));
    await at.crash(async (store) => {
      await store.acquire(['b']);
      await session(store);
    });
    expect(await at.states()).toEqual({ a: 'stored', off: 'stored', b: LEFT });
    // Nor after another such crash, through which it was only kept.
    await at.crash(session);
    expect(await at.states()).toEqual({ a: 'stored', off: 'stored', b: LEFT });
  });

  it('leaves them to a session that may be going on', async () => {
    await at.crash(session);
    expect(await at.states({ isShared: true })).toEqual({ a: LEFT, off: 'stored' });
  });

  it('has no live bitmaps left when it crashes after they were all released', async () => {
    await at.crash(async (store) => {
      await session(store);
      await store.commit([{ op: 'release', name: 'a' }]);
    });
    expect(await at.states()).toEqual({ a: 'stored', off: 'stored' });
    expect(at.notices).toEqual([]);
    at.drive.write();
    expect(await at.states()).toMatchObject({ a: expect.stringContaining('behind its bitmaps') });
  });
});

describe('live bitmaps of a crashed session are not trusted', () => {
  it.each<[string, () => void]>([
    ['written', () => at.drive.write()],
    ['touched', () => at.drive.change({ modified: BigInt(at.drive.now + 1) * 1_000_000n })],
    ['given another mode', () => at.drive.chmod()],
  ])('when the drive was %s after the lease', async (_, act) => {
    await at.crash(session);
    at.drive.now += 16_000;
    expect(await at.states()).toMatchObject({ a: 'stored' });
    act();
    expect(await at.states()).toEqual({ a: BEHIND, off: 'stored' });
    await at.run(async (store) => {
      const refusal = { code: 'BITMAP_INCONSISTENT', message: BEHIND };
      await expect(store.acquire(['a'], LIVE)).rejects.toMatchObject(refusal);
    });
  });

  it.each<[string, string, () => void]>([
    ['the drive is another file', 'another file', () => at.drive.change({ inode: 99n })],
    ['the drive has another size', 'bytes, and had', () => at.drive.change({ size: SIZE + 1 })],
    ['the drive cannot be asked', 'nothing can be learned', () => (at.drive.known = undefined)],
  ])('when %s', async (_, words, act) => {
    await at.crash(session);
    act();
    const reason = expect.stringContaining(words);
    expect(await at.states()).toEqual({ a: reason, off: reason });
  });

  it('when the clock is behind the time of the lease by more than any lease', async () => {
    await at.crash(session);
    at.drive.now -= 60_000;
    expect(await at.states()).toMatchObject({
      a: expect.stringContaining('the clock was set back'),
    });
  });

  it('when the bitmaps on disk are not those that were in use', async () => {
    await at.crash(session);
    // The entry's flag `auto`, in place: no more than one bit of the directory.
    const { directory } = await said();
    const flag = new Uint8Array(1);
    await at.file.read(flag, directory.offset + 15);
    flag[0]! ^= 2;
    await at.file.write(flag, directory.offset + 15);
    expect(await at.states()).toMatchObject({
      a: expect.stringContaining('the bitmaps of its sidecar were changed'),
    });
  });

  it('when the table of one cannot be where its entry says, and that one alone', async () => {
    await at.commit(create('b'));
    await at.crash((store) => store.acquire(['a', 'b'], LIVE));
    const image = await openQcow2(shared(at.file), { writable: true });
    const { metadata } = image;
    // 'a' comes first; its entry begins with the place of its table.
    await at.file.write(new Uint8Array([0, 0, 0x10]), (await said()).directory.offset);
    const { seal } = await BitmapDirectory.open({ image: metadata });
    await metadata.commitControl((now) => ({ ...now, directory: seal }));
    await image.close();
    expect(await at.states()).toEqual({
      a: expect.stringContaining('bitmap table'),
      b: 'stored',
      off: 'stored',
    });
  });
});

describe('the lease of a session', () => {
  it('A19: is durable with the flags, before the first write, and for fifteen seconds', async () => {
    await at.crash((store) => store.acquire(['a'], LIVE));
    expect(await said()).toMatchObject({
      state: 'busy',
      leaseUntil: BigInt(at.drive.now + 15_000) * 1_000_000n,
      liveEntries: [0],
    });
  });

  it('is renewed by writes, so that the last of them is always within it', async () => {
    await at.crash(async (store) => {
      await store.acquire(['a'], LIVE);
      for (let write = 0; write < 100; write++) {
        at.drive.now += write % 20 === 0 ? 60_000 : 700;
        await record(store);
        // A crash at any of them leaves it trusted.
        expect(await at.states()).toMatchObject({ a: 'stored' });
      }
    });
  });

  it('is not needed, nor promised, where nothing is live', async () => {
    await at.crash((store) => store.acquire(['a']));
    expect(await said()).toMatchObject({ state: 'busy', leaseUntil: 0n, liveEntries: [] });
  });

  it('cannot be had while nothing is in use, and nothing is written for it', async () => {
    await at.run(async ({ live }) => {
      const before = await said();
      await expect(live!.lease!.renew()).rejects.toMatchObject({ code: 'STORE_FAILED' });
      expect(live!.lease!.allowsWrite()).toBe(false);
      expect(await said()).toEqual(before);
    });
  });

  it('goes on through changes of the bitmaps', async () => {
    await at.crash(async (store) => {
      await session(store);
      at.drive.now += 14_000;
      await store.commit([create('b')]);
      expect(store.live!.lease!.allowsWrite()).toBe(true);
      await record(store);
    });
    expect(await at.states()).toEqual({ a: 'stored', off: 'stored', b: expect.any(String) });
  });
});
