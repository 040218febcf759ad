import { describe, expect, it } from 'vitest';
import { asked } from './asked.ts';
import { FakeTarget } from './fake-target.ts';

const b = { node: 'n0', name: 'b' };
const release = 'x-tidemark-bitmap-release';

function targetWithB(): FakeTarget {
  const target = new FakeTarget('n0');
  const flags = { recording: true, persistent: true, busy: true, inconsistent: false };
  const info = { name: 'b', granularity: 65_536, count: 0, ...flags };
  target.bitmaps.get('n0')!.set('b', { ...info, frozen: 'freeze of b' });
  return target;
}

describe('A18: freezes over QMP', () => {
  it('are begun with an id, and told of', async () => {
    const target = targetWithB();
    const reply = await asked(target, 'x-tidemark-bitmap-freeze', b);
    expect(reply).toEqual({ return: { id: 'freeze of b' } });
    expect(await asked(target, 'query-named-block-nodes', {})).toMatchObject({
      return: [
        { 'dirty-bitmaps': [{ name: 'b', busy: true, 'x-tidemark-freeze': 'freeze of b' }] },
      ],
    });
  });

  it('are released as was said', async () => {
    const target = targetWithB();
    const id = 'freeze of b';
    const checkpoint = '00112233445566778899aabbccddeeff';
    for (const args of [{ clear: false }, { clear: true }, { clear: true, checkpoint }]) {
      expect(await asked(target, release, { ...b, id, ...args })).toEqual({ return: {} });
      expect(target.released.at(-1)).toEqual({ ...b, id, checkpoint: undefined, ...args });
    }
  });

  it.each([
    ['x-tidemark-bitmap-freeze', { ...b, node: 'zz' }, "Node 'zz' not found"],
    ['x-tidemark-bitmap-freeze', { ...b, name: 'c' }, "Dirty bitmap 'c' not found"],
    ['x-tidemark-bitmap-freeze', { node: 'n0' }, "Parameter 'name' is missing"],
    [release, { ...b, id: 'x', clear: true, node: 'zz' }, "Node 'zz' not found"],
    [release, { ...b, clear: true }, "Parameter 'id' is missing"],
    [release, { ...b, id: 'x' }, "Parameter 'clear' is missing"],
    [release, { ...b, id: 7, clear: true }, "Invalid parameter type for 'id', expected: string"],
    [
      release,
      { ...b, id: 'x', clear: false, checkpoint: 'c' },
      "Parameter 'checkpoint' is for a release that clears",
    ],
  ])('refuse %s %j', async (command, args, desc) => {
    const target = targetWithB();
    const error = { class: 'GenericError', desc };
    expect(await asked(target, command, args)).toEqual({ error });
    expect(target.released).toEqual([]);
  });
});
