import { MemoryDevice } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import type { Places } from '../../qcow2/test/support/malformed-bitmaps.ts';
import { applyRepair, checkImage, planRepair } from '../src/index.ts';
import { damagedImage } from './support/damages.ts';
import { deviceOf } from './support/devices.ts';

const OFFSET = 0x00ff_ffff_ffff_fe00n;
const l1Of = ({ view }: Places) => Number(view.getBigUint64(40));

/** Each hides what refers to the guest's clusters: none of these is a leak that may be freed. */
const HIDING: readonly (readonly [name: string, change: (places: Places) => void])[] = [
  ['an L1 entry that points nowhere', (at) => at.view.setBigUint64(l1Of(at), 2n ** 45n)],
  [
    'an L1 entry inside a cluster',
    (at) => at.view.setBigUint64(l1Of(at), at.view.getBigUint64(l1Of(at)) + 512n),
  ],
  ['an L1 table that is nowhere', (at) => at.view.setBigUint64(40, 2n ** 45n)],
  ['a snapshot table that is nowhere', (at) => at.view.setUint32(60, 1)],
  [
    'an L1 entry that points nowhere, and no refcounts',
    (at) => {
      at.view.setBigUint64(l1Of(at), 2n ** 45n);
      at.view.setBigUint64(48, 0n);
    },
  ],
];

describe('an image of which not all can be followed', () => {
  it.each(HIDING)('keeps what looks like a leak: %s', async (_, change) => {
    const sound = await deviceOf(await damagedImage({ change: () => {} }));
    const bytes = await damagedImage({ change });
    const image = await deviceOf(bytes);
    const check = await checkImage(image);
    expect([check.isIncomplete, check.corruptions > 0]).toEqual([true, true]);

    const plan = await planRepair(image);
    expect(plan.actions).not.toContainEqual(expect.objectContaining({ action: 'free-leaks' }));
    await applyRepair(image, plan, { undo: new MemoryDevice({ size: 0 }) });
    // With the entry as it was, the data is there, and nothing has taken its clusters.
    const good = new Uint8Array(bytes.length);
    await sound.read(good, 0);
    const l1 = Number(new DataView(good.buffer).getBigUint64(40));
    await image.write(good.subarray(40, 48), 40);
    await image.write(good.subarray(60, 72), 60);
    await image.write(good.subarray(l1, l1 + 8), l1);
    const after = await checkImage(image);
    expect(after.findings.filter(({ kind }) => kind === 'refcount')).toEqual([]);
  });

  it('says which bytes of the disk an entry is about that points nowhere', async () => {
    const bytes = await damagedImage({
      change: (places) => {
        const l2 = Number(places.view.getBigUint64(l1Of(places)) & OFFSET);
        places.view.setBigUint64(l2 + 5 * 8, 2n ** 45n);
      },
    });
    const { findings } = await checkImage(await deviceOf(bytes));
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'beyond-end', guestOffset: 5 * 4096 }),
    );
    // Nothing can be done about it, and a repair does not pretend.
    const plan = await planRepair(await deviceOf(bytes));
    expect(plan.after.corruptions).toBeGreaterThan(0);
  });
});

describe('an entry that points just behind the end of the file', () => {
  it('does not come to point to what a repair puts there', async () => {
    const sound = await damagedImage({ change: () => {} });
    const bytes = await damagedImage({
      change: (places) => {
        const l2 = Number(places.view.getBigUint64(l1Of(places)) & OFFSET);
        places.view.setBigUint64(l2 + 5 * 8, BigInt(sound.length));
        places.view.setBigUint64(48, 2n ** 45n);
      },
    });
    const image = await deviceOf(bytes);
    const plan = await planRepair(image);
    expect(plan.sizeAfter).toBeGreaterThan(plan.sizeBefore);
    const written = plan.phases.flatMap(({ sectors }) => [...sectors.keys()]);
    const end = sound.length;
    expect(written.filter((offset) => offset >= end && offset < end + 4096)).toEqual([]);
  });
});
