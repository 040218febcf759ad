import { join } from 'node:path';
import { type BlockDevice } from '@tidemark/block';
import { connectNbd } from '@tidemark/nbd';
import { createDrive } from '@tidemark/drive';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import type { OpenedView } from '../src/index.ts';
import {
  countOf,
  GRANULE,
  memory,
  MIB,
  newWorld,
  raw,
  type World,
  write,
} from './support/world.ts';

const dir = tempDir();
const CHECKPOINT = 'c'.repeat(32);
let count = 0;

/** Two drives in memory with a bitmap each, of which the first granule is dirty. */
async function start(): Promise<World> {
  const world = newWorld();
  for (const name of ['s', 'o']) {
    await world.graph.addNode(memory(name));
    const add = { op: 'add', node: name, name: 'b', persistent: false, disabled: false } as const;
    await world.graph.transaction([add]);
    await write(world, name, 0, GRANULE, 1);
  }
  return world;
}

async function persistent(): Promise<World & { readonly path: string }> {
  const world = newWorld();
  const path = join(dir, `${count++}.raw`);
  await (await createDrive(path, { format: 'raw', size: MIB })).device.close();
  await world.graph.addNode(raw('s', path));
  return { ...world, path };
}

const uriOf = ({ socket }: OpenedView, name: string) => `nbd+unix:///${name}?socket=${socket}`;

async function contentOf(device: BlockDevice): Promise<Buffer> {
  const bytes = Buffer.alloc(device.size);
  await device.read(bytes, 0);
  return bytes;
}

const me = {};

describe('a view', () => {
  it('is all drives as they were in one instant, whatever is written', async () => {
    await using world = await start();
    const view = await world.graph.views.open({ drives: [{ node: 's' }, { node: 'o' }] }, me);
    const before = Buffer.alloc(MIB);
    before.fill(1, 0, GRANULE);
    for (const name of ['s', 'o']) {
      await write(world, name, 100, 3 * GRANULE, 7);
      await world.graph.nodes.get(name)!.device.writeZeroes(8 * GRANULE, GRANULE);
      await using device = await connectNbd(uriOf(view, name));
      expect(device.writable).toBe(false);
      expect((await contentOf(device)).equals(before)).toBe(true);
      const zeros: [number, number][] = [];
      for await (const extent of device.extents(0, MIB)) {
        if (extent.zero) zeros.push([extent.offset, extent.length]);
      }
      expect(zeros.every(([offset]) => offset >= GRANULE)).toBe(true);
    }
    await world.graph.views.close(view.id, { keep: false });
    await expect(connectNbd(uriOf(view, 's'))).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it('reads what is overwritten between its look and its read as it was', async () => {
    await using world = await start();
    const view = await world.graph.views.open({ drives: [{ node: 's' }] }, me);
    const { device } = world.graph.nodes.get('s')!;
    const read = device.read.bind(device);
    let isFirst = true;
    // The drive answers a read of the view with what is written meanwhile.
    device.readNow = () => false;
    device.read = async (target, offset) => {
      if (isFirst) {
        isFirst = false;
        await write(world, 's', 0, GRANULE, 9);
      }
      await read(target, offset);
    };
    await using seen = await connectNbd(uriOf(view, 's'));
    const bytes = Buffer.alloc(GRANULE);
    await seen.read(bytes, 0);
    expect(bytes.every((byte) => byte === 1)).toBe(true);
    expect(isFirst).toBe(false);
  });

  it('shows bits that stand still, and lets them go on in the end', async () => {
    await using world = await start();
    const drives = [{ node: 's', bitmap: 'b' }];
    const view = await world.graph.views.open({ drives }, me);
    await write(world, 's', 4 * GRANULE, 1, 7);
    const name = 'qemu:dirty-bitmap:b';
    const seen = await connectNbd(uriOf(view, 's'), { contexts: [name] });
    const dirty = [];
    for await (const extent of seen.contextExtents(name, 0, MIB)) {
      if (extent.flags === 1) dirty.push([extent.offset, extent.length]);
    }
    expect(dirty).toEqual([[0, GRANULE]]);
    await seen.close();
    await world.graph.views.close(view.id, { keep: true });
    expect(await countOf(world, 's', 'b')).toBe(2 * GRANULE);
  });

  it('shows other bitmaps that record, as they are at its instant', async () => {
    await using world = await start();
    const { tracked } = world.graph.nodes.get('s')!;
    await tracked!.transaction([
      { op: 'add', name: 'on', granularity: GRANULE },
      { op: 'add', name: 'off', granularity: GRANULE, disabled: true },
    ]);
    await write(world, 's', 2 * GRANULE, 1, 7);
    const drives = [{ node: 's', shows: ['on', 'off', 'none'] }];
    const view = await world.graph.views.open({ drives }, me);
    await write(world, 's', 4 * GRANULE, 1, 7);
    const contexts = ['on', 'off', 'none'].map((name) => `qemu:dirty-bitmap:${name}`);
    const seen = await connectNbd(uriOf(view, 's'), { contexts });
    expect(seen.contexts.filter((name) => contexts.includes(name))).toEqual([contexts[0]]);
    const dirty = [];
    for await (const extent of seen.contextExtents(contexts[0]!, 0, MIB)) {
      if (extent.flags === 1) dirty.push([extent.offset, extent.length]);
    }
    expect(dirty).toEqual([[2 * GRANULE, GRANULE]]);
    await seen.close();
  });

  it.each(['by a close', 'since its client is gone'])(
    'that is held leaves the bitmap that began with it, where it ends %s',
    async (how) => {
      await using world = await persistent();
      const drives = [{ node: 's', begin: { name: 'new' } }];
      const view = await world.graph.views.open({ drives }, me);
      await world.graph.views.hold(view.id);
      await write(world, 's', 4 * GRANULE, 1, 7);
      if (how === 'by a close') await world.graph.views.close(view.id, { keep: false });
      else await world.graph.views.abandon(me);
      const list = await world.graph.nodes.get('s')!.tracked!.list();
      const made = list.find(({ name }) => name === 'new');
      expect(made).toMatchObject({ recording: true, busy: false });
      expect(await countOf(world, 's', 'new')).toBe(made!.granularity);
      await expect(world.graph.views.hold(view.id)).rejects.toThrow('is not found');
    },
  );

  it('lets bitmaps of all drives begin anew at once, if it is told so', async () => {
    await using world = await start();
    const drives = [
      { node: 's', bitmap: 'b' },
      { node: 'o', bitmap: 'b' },
    ];
    const view = await world.graph.views.open({ drives }, me);
    await write(world, 's', 4 * GRANULE, 1, 7);
    await world.graph.views.close(view.id, { keep: true, checkpoint: CHECKPOINT });
    expect(await countOf(world, 's', 'b')).toBe(GRANULE);
    expect(await countOf(world, 'o', 'b')).toBe(0);
    const list = await world.graph.nodes.get('o')!.tracked!.list();
    expect(list[0]).toMatchObject({ name: 'b', checkpoint: CHECKPOINT, busy: false });
  });

  it('goes on where a bitmap cannot begin anew, and none has then', async () => {
    await using world = await start();
    const drives = [
      { node: 's', bitmap: 'b' },
      { node: 'o', bitmap: 'b' },
    ];
    const view = await world.graph.views.open({ drives }, me);
    const { device } = world.graph.nodes.get('o')!.tracked!;
    const flush = device.flush.bind(device);
    device.flush = async () => {
      throw new Error('the disk is broken');
    };
    const end = { keep: true, checkpoint: CHECKPOINT } as const;
    await expect(world.graph.views.close(view.id, end)).rejects.toThrow('the disk is broken');
    expect(await countOf(world, 's', 'b')).toBe(GRANULE);
    device.flush = flush;
    await world.graph.views.close(view.id, end);
    expect(await countOf(world, 's', 'b')).toBe(0);
  });

  it('is of what is dirty alone, where that is asked for', async () => {
    await using world = await start();
    const drives = [{ node: 's', bitmap: 'b', onlyDirty: 2 * GRANULE }];
    const view = await world.graph.views.open({ drives }, me);
    await write(world, 's', 0, 4 * GRANULE, 7);
    await using seen = await connectNbd(uriOf(view, 's'));
    const bytes = Buffer.alloc(2 * GRANULE);
    await seen.read(bytes, 0);
    const before = Buffer.concat([Buffer.alloc(GRANULE, 1), Buffer.alloc(GRANULE)]);
    expect(bytes.equals(before)).toBe(true);
    await expect(seen.read(bytes, 2 * GRANULE)).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
    });
  });

  it('fails, and not the guest, where what is overwritten cannot be kept', async () => {
    await using world = await start();
    const view = await world.graph.views.open({ drives: [{ node: 's' }] }, me);
    const { device } = world.graph.nodes.get('s')!;
    const read = device.read.bind(device);
    device.readNow = () => false;
    device.read = async () => {
      throw new Error('a bad sector');
    };
    await write(world, 's', 0, 10, 7);
    device.read = read;
    await using seen = await connectNbd(uriOf(view, 's'));
    // Also what lies elsewhere: it may be overwritten at any time.
    await expect(seen.read(Buffer.alloc(1), 5 * GRANULE)).rejects.toMatchObject({
      code: 'IO_FAILED',
    });
    expect(world.notices.join()).toContain("the view of 's' ended: a bad sector");
  });

  it.each([
    ['ends', async ({ graph }: World) => graph.views.abandon(me), []],
    [
      'is kept',
      async ({ graph }: World, id: string) => graph.views.close(id, { keep: true }),
      ['n'],
    ],
  ] as const)('keeps a bitmap that began with it only if it %s', async (_, end, names) => {
    await using world = await persistent();
    const begin = { name: 'n', granularity: GRANULE };
    await write(world, 's', 0, 1, 7);
    const view = await world.graph.views.open({ drives: [{ node: 's', begin }] }, me);
    await write(world, 's', 9 * GRANULE, 1, 7);
    expect(await countOf(world, 's', 'n')).toBe(GRANULE);
    await world.graph.views.abandon({});
    await end(world, view.id);
    const list = await world.graph.nodes.get('s')!.tracked!.list();
    expect(list.map(({ name }) => name)).toEqual(names);
  });

  it('flushes the drive before a bitmap that began with it is of use', async () => {
    await using world = await persistent();
    const { device } = world.graph.nodes.get('s')!;
    device.flush = async () => {
      throw new Error('the disk is broken');
    };
    const drives = [{ node: 's', begin: { name: 'n' } }];
    await expect(world.graph.views.open({ drives }, me)).rejects.toThrow('the disk is broken');
    expect(await countOf(world, 's', 'n')).toBeUndefined();
  });

  it('holds its drives, and is refused where it cannot be', async () => {
    await using world = await start();
    const { graph } = world;
    const view = await graph.views.open({ drives: [{ node: 's', bitmap: 'b' }] }, me);
    await expect(graph.removeNode('s')).rejects.toMatchObject({ code: 'USAGE' });
    const remove = { op: 'remove', node: 's', name: 'b' } as const;
    await expect(graph.transaction([remove])).rejects.toMatchObject({ code: 'BITMAP_BUSY' });
    const wrong = [
      [],
      [{ node: 'none' }],
      [{ node: 'o' }, { node: 'o' }],
      [{ node: 'o', onlyDirty: GRANULE }],
      [{ node: 'o', bitmap: 'b', onlyDirty: 1000 }],
      [{ node: 'o', bitmap: 'none' }],
      [
        { node: 'o', bitmap: 'b' },
        { node: 's', bitmap: 'b' },
      ],
      [{ node: 'o', begin: { name: 'n' } }],
    ];
    for (const drives of wrong) {
      await expect(graph.views.open({ drives }, me)).rejects.toThrow(/./);
    }
    await expect(
      graph.views.open({ drives: [{ node: 'o' }], scratch: '/none' }, me),
    ).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await graph.removeNode('o');
    await expect(graph.views.close('none', { keep: false })).rejects.toMatchObject({
      code: 'USAGE',
    });
    await graph.views.close(view.id, { keep: false });
    await graph.removeNode('s');
  });
});
