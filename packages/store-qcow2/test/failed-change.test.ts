import { type Fault } from '@tidemark/block/testing';
import { type BitmapChange, isUnchanged, LIVE_SECTOR_BYTES } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { bitsAt, faultyImage, type FaultyImage, type Picture } from './support/faulty-image.ts';

const KINDS = [
  { kind: 'in use', live: false },
  { kind: 'live', live: true },
] as const;
const CHANGES: Readonly<Record<string, (live: boolean) => BitmapChange[]>> = {
  'an add': () => [{ op: 'create', name: 'new', enabled: true, content: bitsAt(512, 3 << 20) }],
  'a clear': (live) => [{ op: 'store', name: 'used', content: bitsAt(), live }],
  'a rotation': (live) => [
    { op: 'store', name: 'rest', content: bitsAt(0, 1024) },
    { op: 'remove', name: 'used' },
    {
      op: 'create',
      name: 'new',
      enabled: true,
      content: bitsAt(512),
      acquire: live ? 'live' : true,
    },
  ],
};
const ALL = Object.entries(CHANGES).flatMap(([what, changesOf]) =>
  KINDS.map(({ kind, live }) => ({ what, kind, live, changes: changesOf(live) })),
);

interface Planned {
  readonly fault: Extract<Fault, { kind: 'fail' }>;
  /** Whether the fault comes before the write of sector 0 that makes the change. */
  readonly isBefore: boolean;
}

/** Every write, every growth of the file and every flush of the change, failing one at a time. */
async function planFaults(live: boolean, changes: readonly BitmapChange[]) {
  const image = await faultyImage({ live });
  const start = image.calls();
  await image.store.commit(changes);
  const end = image.calls();
  expect(end.changedAt).toBe(0);
  const planned: Planned[] = [];
  for (let nth = start.change; nth < end.change; nth++) {
    const isBefore = nth < end.change - 1;
    planned.push({ fault: { kind: 'fail', on: 'change', nth, code: 'NO_SPACE' }, isBefore });
    planned.push({ fault: { kind: 'fail', on: 'change', nth }, isBefore });
  }
  for (let nth = start.flush; nth < end.flush; nth++) {
    planned.push({ fault: { kind: 'fail', on: 'flush', nth }, isBefore: nth < end.flush - 1 });
  }
  return { planned, after: await image.found() };
}

/** Writes bits of what is live, and sees them on disk. */
async function expectLiveBits({ store, found }: FaultyImage, others: Picture): Promise<void> {
  const bytes = new Uint8Array(LIVE_SECTOR_BYTES);
  bitsAt(0, 2048).serialize(bytes);
  await store.live!.bits('used').write(bytes, 0);
  await store.live!.sync();
  expect(await found()).toEqual({ ...others, used: [0, 2048] });
}

describe.each(ALL)('$what while a bitmap is $kind', ({ live, changes }) => {
  it('that fails before its commit point says so, and leaves store and image as they were', async () => {
    const { planned } = await planFaults(live, changes);
    let failures = 0;
    for (const { fault } of planned.filter(({ isBefore }) => isBefore)) {
      const image = await faultyImage({ live }, [fault]);
      const [before, listed] = [await image.found(), await image.store.list()];
      const error = await image.store.commit(changes).catch((thrown: unknown) => thrown);
      // The file did not grow by as much as was hoped for, and that was no matter.
      if (error === undefined) continue;
      failures++;
      const code = fault.code ?? 'IO_FAILED';
      expect({ fault, error }).toMatchObject({ fault, error: { code } });
      expect({ fault, unchanged: isUnchanged(error) }).toEqual({ fault, unchanged: true });
      expect(await image.store.list()).toEqual(listed);
      for (const keeps of [() => true, () => false, (index: number) => index % 2 === 0]) {
        expect({ fault, found: await image.foundAfterCut(keeps) }).toEqual({
          fault,
          found: before,
        });
      }
      // A flush that failed leaves it open what is on the disk, so the image takes nothing more.
      if (fault.on === 'flush') continue;
      if (live) await expectLiveBits(image, before);
      await image.store.commit(changes);
    }
    expect(failures).toBeGreaterThan(5);
  });

  it('that fails at its commit point ends the store, and is made or not', async () => {
    const { planned, after } = await planFaults(live, changes);
    const late = planned.filter(({ isBefore }) => !isBefore);
    for (const { fault } of late) {
      const image = await faultyImage({ live }, [fault]);
      const before = await image.found();
      const error = await image.store.commit(changes).catch((thrown: unknown) => thrown);
      expect({ fault, error }).toMatchObject({ fault, error: { code: fault.code ?? 'IO_FAILED' } });
      expect({ fault, unchanged: isUnchanged(error) }).toEqual({ fault, unchanged: false });
      await expect(image.store.list()).rejects.toMatchObject({ code: 'STORE_FAILED' });
      for (const keeps of [() => true, () => false]) {
        expect([before, after]).toContainEqual(await image.foundAfterCut(keeps));
      }
    }
    expect(late).toHaveLength(3);
  });
});

it('takes a bitmap in use after it failed to, and not before', async () => {
  const { calls, store: sound } = await faultyImage({ live: false });
  const start = calls().change;
  await sound.acquire(['rest']);
  const faults = Array.from({ length: calls().change - 1 - start }, (_, index): Fault => {
    return { kind: 'fail', on: 'change', nth: start + index, code: 'NO_SPACE' };
  });
  expect(faults.length).toBeGreaterThan(1);
  for (const fault of faults) {
    const { store, found } = await faultyImage({ live: false }, [fault]);
    await expect(store.acquire(['rest'])).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(await found()).toEqual({ used: ['inconsistent'], rest: [0] });
    expect(await store.list()).toMatchObject([{ state: 'in-use' }, { state: 'stored' }]);
    await store.acquire(['rest']);
    expect(await found()).toEqual({ used: ['inconsistent'], rest: ['inconsistent'] });
  }
});

it('takes and releases live bitmaps where nothing can be written any more', async () => {
  const { calls } = await faultyImage({ live: true });
  const full = { kind: 'fail', on: 'change', times: Infinity, code: 'NO_SPACE' } as const;
  const { store, found } = await faultyImage({ live: true }, [{ ...full, nth: calls().change }]);
  await expect(store.commit(CHANGES['an add']!(true))).rejects.toMatchObject({ code: 'NO_SPACE' });
  await store.acquire(['rest'], { live: true });
  await store.commit(['used', 'rest'].map((name) => ({ op: 'release', name })));
  expect(await store.list()).toMatchObject([{ state: 'stored' }, { state: 'stored' }]);
  expect(await found()).toEqual({ used: [0], rest: [0] });
});
