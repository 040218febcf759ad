import { expect, it } from 'vitest';
import { lostIn } from './support/judge.ts';
import { PLACES } from './support/places.ts';
import { play } from './support/play.ts';

it('a bitmap that was cleared together with another store is stored later as it is then', async () => {
  const { place, session } = await play(
    PLACES['store-qcow2']!,
    [
      { step: 'write', kind: 'write', at: 0, count: 1 },
      { step: 'answer', index: 0, well: true },
      {
        step: 'transact',
        // The clear forgets bits in a commit of its own, when both stores have done their part.
        actions: [
          { op: 'add', name: 'c', persistent: false, disabled: false },
          { op: 'clear', name: 'a' },
        ],
        slow: false,
      },
      { step: 'write', kind: 'write', at: 0, count: 1 },
      { step: 'answer', index: 0, well: true },
      { step: 'transact', actions: [{ op: 'disable', name: 'a' }], slow: false },
    ],
    { durability: 'live' },
  );
  await session.close();
  const now = session.moments.slice(-1);
  for (const store of await place.find()) expect(await lostIn(store, now)).toEqual([]);
});
