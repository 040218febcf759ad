import { describe, expect, it } from 'vitest';
import { asked } from './asked.ts';
import { FakeTarget } from './fake-target.ts';

const WANTED = { node: 'n0', name: 'b', directory: '/backups' };

describe('rescans over QMP', () => {
  it('begin with what was asked for', async () => {
    const target = new FakeTarget('n0');
    expect(await asked(target, 'x-tidemark-rescan', WANTED)).toEqual({ return: {} });
    const more = { ...WANTED, name: 'c', point: '2', 'drive-id': 'disk' };
    expect(await asked(target, 'x-tidemark-rescan', more)).toEqual({ return: {} });
    const { 'drive-id': driveId, ...others } = more;
    expect(target.rescanned).toEqual([WANTED, { ...others, driveId }]);
  });

  it('tell how far they are, and can be cancelled', async () => {
    const target = new FakeTarget('n0');
    await asked(target, 'x-tidemark-rescan', WANTED);
    const progress = { status: 'running', done: 10, total: 40, clean: 4, dirty: 6, known: 1 };
    expect(await asked(target, 'x-tidemark-query-rescans', {})).toEqual({
      return: [{ ...WANTED, point: '000001-full', ...progress }],
    });
    const b = { node: 'n0', name: 'b' };
    expect(await asked(target, 'x-tidemark-cancel-rescan', b)).toEqual({ return: {} });
  });

  it.each([
    ['x-tidemark-rescan', { ...WANTED, node: 'zz' }, "Node 'zz' not found"],
    ['x-tidemark-rescan', { node: 'n0', name: 'b' }, "Parameter 'directory' is missing"],
    ['x-tidemark-rescan', { ...WANTED, whole: true }, "Parameter 'whole' is unexpected"],
    ['x-tidemark-cancel-rescan', { node: 'n0', name: 'b' }, "Dirty bitmap 'b' not found"],
  ])('refuse %s %j', async (command, args, desc) => {
    const error = { class: 'GenericError', desc };
    expect(await asked(new FakeTarget('n0'), command, args)).toEqual({ error });
  });
});
