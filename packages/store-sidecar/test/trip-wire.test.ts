import type { BitmapStore } from '@tidemark/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { create, Sessions, writing } from './support/sessions.ts';

const LIVE = { live: true };

let at: Sessions;
let store: BitmapStore;

beforeEach(async () => {
  at = await Sessions.begin();
  await at.commit(create('a'), create('off', false));
  store = await at.open({ writesDrive: true });
  await store.acquire(['a'], LIVE);
  await record();
});

const record = () => writing(store, () => at.drive.write());
const states = async () =>
  Object.fromEntries((await store.list()).map(({ name, state }) => [name, state]));

/** What the next write, or a change of the bitmaps, meets. */
const refusal = (rule: string) => ({ code: 'BITMAP_INCONSISTENT', context: { rule } });

async function expectLost(rule: string): Promise<void> {
  await expect(record()).rejects.toMatchObject(refusal(rule));
  expect(await states()).toEqual({ a: 'inconsistent', off: 'stored' });
  expect(at.notices).toContainEqual(expect.stringMatching(/; 'a' cannot be trusted any more$/));
  // On disk as well, though the process be killed now, and whatever is written from now on.
  expect(await at.rules()).toMatchObject({ a: rule });
  at.drive.write();
  expect(await at.states()).toMatchObject({ a: expect.stringContaining('the drive') });
}

describe('a drive that somebody else writes while its bitmaps are live', () => {
  it('is found out by the next write after a rest', async () => {
    await at.pass(1500);
    at.drive.write();
    await expectLost('mtime');
  });

  it('is found out by the next write after a rest though its time is set back', async () => {
    await at.pass(1500);
    at.drive.chmod();
    await expectLost('ctime');
  });

  it('is found out when it comes to rest, and not taken for ours', async () => {
    await at.pass(400);
    at.drive.change({ modified: BigInt(at.drive.now) * 1_000_000n });
    await at.pass(1500);
    expect(at.notices).toHaveLength(1);
    await expectLost('mtime');
  });

  it('is found out when a lease is renewed, between two writes', async () => {
    await writing(store, () => at.drive.write());
    at.drive.now += 14_000;
    at.drive.write();
    await expectLost('mtime');
  });

  it('is found out when the bitmaps are changed', async () => {
    await at.pass(1500);
    at.drive.write();
    await expect(store.commit([create('b')])).rejects.toMatchObject(refusal('mtime'));
    expect(await states()).toEqual({ a: 'inconsistent', off: 'stored' });
    await store.commit([create('b', false)]);
    expect(await states()).toEqual({ a: 'inconsistent', off: 'stored', b: 'stored' });
  });

  it('is found out by another size', async () => {
    await at.pass(1500);
    at.drive.change({ size: 512 });
    await expect(record()).rejects.toMatchObject(refusal('size'));
  });

  it('is found out though nobody has heard of it when the session ends', async () => {
    await at.pass(1500);
    at.drive.write();
    await at.pass(1500);
    const released = store.commit([{ op: 'release', name: 'a' }]);
    await expect(released).rejects.toMatchObject(refusal('mtime'));
    await store.close();
    expect(await at.rules()).toMatchObject({ a: 'mtime' });
  });

  it('does not let a bitmap that is lost come back through a change of others', async () => {
    await at.pass(1500);
    at.drive.write();
    await record().catch(() => {});
    const anew = { ...create('c'), acquire: 'live' } as const;
    await store.commit([anew]);
    await record();
    expect(await states()).toMatchObject({ a: 'inconsistent', c: 'in-use' });
    expect(await at.rules()).toMatchObject({ a: 'in-use', c: 'stored' });
    await store.commit([
      { op: 'remove', name: 'a' },
      { ...create('a'), acquire: 'live' },
    ]);
    await record();
    expect(await at.rules()).toMatchObject({ a: 'stored', c: 'stored' });
  });

  it('is left alone while our own writes are under way', async () => {
    await writing(store, async () => {
      at.drive.now += 14_000;
      at.drive.write();
      await writing(store, () => at.drive.write());
    });
    expect(at.notices).toEqual([]);
    expect(await at.rules()).toMatchObject({ a: 'stored' });
  });

  it('is found out by the counter of a block device', async () => {
    at = await Sessions.begin();
    at.drive.beBlockDevice();
    await at.commit(create('a'), create('off', false));
    store = await at.open({ writesDrive: true });
    await store.acquire(['a'], LIVE);
    await record();
    await at.pass(1500);
    await record();
    await at.pass(1500);
    at.drive.write();
    await expectLost('counter');
  });
});

describe('a drive that somebody else writes between an open and the first use', () => {
  it('is found out: its bitmaps were judged before', async () => {
    await store.commit([{ op: 'release', name: 'a' }]);
    await store.close();
    await at.run(async (next) => {
      at.drive.write();
      await expect(next.acquire(['a'], LIVE)).rejects.toMatchObject(refusal('mtime'));
      await expect(next.acquire(['a'])).rejects.toMatchObject(refusal('mtime'));
      await expect(next.commit([create('b')])).rejects.toMatchObject(refusal('mtime'));
    });
    expect(await at.rules()).toEqual({ a: 'mtime', off: 'mtime' });
  });
});
