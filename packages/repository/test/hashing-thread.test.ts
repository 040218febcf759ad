import { hash, randomFillSync } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { HashingThread } from '../src/make/hashing/hashing-thread.ts';
import { Offers } from '../src/make/hashing/offers.ts';
import { type SharedOffers, shareOffers } from '../src/make/hashing/shared-offers.ts';

const GRANULE = 65_536;
const SLOTS = 16;
const slots = Array.from({ length: SLOTS }, (_, slot) => slot);

/** Of 64 KiB with a number in front, as often as it is asked for. */
function digestOf(number: number): Buffer {
  const content = Buffer.alloc(GRANULE);
  content.writeUInt32BE(number);
  return hash('sha256', content, 'buffer');
}

class Granules {
  readonly shared: SharedOffers = shareOffers(SLOTS, SLOTS * GRANULE);
  /** Digests that were made here. */
  own = 0;
  readonly offers = new Offers(this.shared, (content) => {
    this.own += 1;
    return hash('sha256', content, 'buffer');
  });
  readonly #bytes = Buffer.from(this.shared.bytes.buffer);

  offer(first: number): void {
    for (const slot of slots) {
      this.#bytes.writeUInt32BE(first + slot, slot * GRANULE);
      this.offers.offer(slot, slot * GRANULE, GRANULE);
    }
    this.offers.publish();
  }

  areRight(first: number): boolean {
    return slots.every((slot) => digestOf(first + slot).equals(this.offers.take(slot)));
  }
}

it('all is hashed where nobody does here', async () => {
  const granules = new Granules();
  const thread = new HashingThread(granules.shared);
  randomFillSync(granules.shared.bytes);
  const digests = slots.map((slot) =>
    hash('sha256', granules.shared.bytes.subarray(slot * GRANULE, (slot + 1) * GRANULE), 'hex'),
  );
  for (const slot of slots) granules.offers.offer(slot, slot * GRANULE, GRANULE);
  granules.offers.publish();
  while (!slots.every((slot) => granules.offers.isDone(slot))) await setTimeout(5);
  expect(slots.map((slot) => Buffer.from(granules.offers.take(slot)).toString('hex'))).toEqual(
    digests,
  );
  expect(granules.own).toBe(0);
  await thread.close();
});

it('a digest is of what is there now, however often memory is filled anew while it is hashed', async () => {
  const granules = new Granules();
  const thread = new HashingThread(granules.shared);
  let byThread = 0;
  for (let round = 0; byThread < 300; round++) {
    const before = granules.own;
    granules.offer(round);
    // The other thread is in the midst of it, or done.
    for (let turn = (round % 40) * 500; turn > 0 && !granules.offers.isDone(SLOTS - 1); turn--);
    expect(granules.areRight(round)).toBe(true);
    byThread += SLOTS - (granules.own - before);
    if (round % 100 === 0) await setTimeout(1);
  }
  await thread.close();
});

it('a thread that ends at any moment leaves the rest to be hashed here', async () => {
  for (let round = 0; round < 12; round++) {
    const granules = new Granules();
    const thread = new HashingThread(granules.shared);
    // From before it has begun until it has done some.
    const end = setTimeout(round * 15).then(async () => thread.close());
    for (let first = 0; first < 200; first += SLOTS) {
      granules.offer(first);
      await setTimeout(1);
      granules.offers.hashOne();
      expect(granules.areRight(first)).toBe(true);
    }
    await end;
    granules.offer(7);
    expect(granules.areRight(7)).toBe(true);
  }
});

it('a thread that fails is as if there were none', async () => {
  const granules = new Granules();
  const thread = new HashingThread({ ...granules.shared, queue: new Int32Array(0) as never });
  granules.offer(1);
  await setTimeout(300);
  expect(granules.areRight(1)).toBe(true);
  await thread.close();
});
