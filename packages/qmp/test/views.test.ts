import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { QmpControl, QmpServer } from '../src/index.ts';
import { asked } from './asked.ts';
import { FakeTarget } from './fake-target.ts';

const dir = tempDir();
const DRIVE = {
  node: 'n0',
  isRead: false,
  bitmap: undefined,
  begin: undefined,
  onlyDirty: undefined,
};

describe('views over QMP', () => {
  it('are opened as asked for, and end as asked for', async () => {
    const target = new FakeTarget('n0', 'n1');
    const begin = { name: 'new', granularity: 65_536 };
    const drives = [
      { node: 'n0', bitmap: 'old', 'read-bitmap': true, begin, 'only-dirty': 131_072 },
      { node: 'n1' },
    ];
    const reply = await asked(target, 'x-tidemark-view-open', { drives, scratch: '/tmp' });
    expect(reply).toEqual({ return: { id: 'view 0', socket: '/run/view' } });
    expect(target.opened.get('view 0')?.view).toEqual({
      scratch: '/tmp',
      drives: [
        { node: 'n0', bitmap: 'old', isRead: true, begin, onlyDirty: 131_072 },
        { ...DRIVE, node: 'n1' },
      ],
    });
    const id = 'view 0';
    const checkpoint = 'c'.repeat(32);
    await asked(target, 'x-tidemark-view-close', { id, keep: true, checkpoint });
    await asked(target, 'x-tidemark-view-close', { id, keep: false });
    expect(target.ends).toEqual([
      { id, keep: true, checkpoint },
      { id, keep: false },
    ]);
  });

  it('are refused where they make no sense', async () => {
    const target = new FakeTarget('n0');
    const refused = { error: { class: 'GenericError' } };
    for (const drives of [[{ node: 'none' }], [{}], 'n0', [{ node: 'n0', 'only-dirty': -1 }]]) {
      expect(await asked(target, 'x-tidemark-view-open', { drives })).toMatchObject({
        error: { class: expect.any(String) },
      });
    }
    const end = { id: 'v', keep: false, checkpoint: 'c'.repeat(32) };
    expect(await asked(target, 'x-tidemark-view-close', end)).toMatchObject(refused);
    expect(await asked(target, 'x-tidemark-view-close', { id: 'v' })).toMatchObject(refused);
    expect([target.opened.size, target.ends]).toEqual([0, []]);
  });

  it('end with the connection that opened them, and with no other one', async () => {
    const target = new FakeTarget('n0');
    const path = join(dir, 'q.sock');
    await using server = new QmpServer({ target, product: 'tidemark 1.2.3' });
    await server.listen(path);
    const [a, b] = await Promise.all([QmpControl.connect(path), QmpControl.connect(path)]);
    for (const client of [a, b]) {
      await client.call('x-tidemark-view-open', { drives: [{ node: 'n0' }] });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const abandon = target.views.abandon.bind(target.views);
    target.views.abandon = async (client) => {
      await abandon(client);
      resolve();
    };
    await a.client.close();
    await promise;
    expect(target.ends).toEqual([{ id: 'view 0', keep: false }]);
    await b.call('x-tidemark-view-close', { id: 'view 1', keep: true });
    expect(target.ends.at(-1)).toEqual({ id: 'view 1', keep: true });
    await b.client.close();
  });
});
