import { TidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import type { BlockNode } from '../src/index.ts';
import {
  contentOf,
  countOf,
  GRANULE,
  jobIs,
  memory,
  newWorld,
  told,
  type World,
  write,
} from './support/world.ts';

/** A source whose first two granules are dirty. */
async function start(): Promise<World> {
  const world = newWorld();
  await world.graph.addNode(memory('s'));
  await world.graph.addNode(memory('t'));
  const add = { op: 'add', node: 's', name: 'b', persistent: false, disabled: false } as const;
  await world.graph.transaction([add]);
  await write(world, 's', 0, 2 * GRANULE, 1);
  return world;
}

const job = { 'job-id': 'j', device: 's', target: 't', bitmap: 'b' } as const;

/** Lets the next writes to a node fail, until the given function is called. */
function breakWrites(node: BlockNode, after = 0): () => void {
  const { device } = node;
  const working = device.write.bind(device);
  let left = after;
  device.write = async (source, offset) => {
    if (left-- > 0) return working(source, offset);
    throw new TidemarkError('IO_FAILED', 'the disk is broken');
  };
  return () => {
    device.write = working;
  };
}

describe('the bitmap of a backup', () => {
  it.each([
    ['on-success', GRANULE],
    ['always', GRANULE],
    ['never', 3 * GRANULE],
  ] as const)('in mode %s says after success what is to be copied next', async (mode, bytes) => {
    await using world = await start();
    const options = {
      ...job,
      sync: 'bitmap',
      'bitmap-mode': mode,
      'auto-finalize': false,
    } as const;
    await world.graph.transaction([{ op: 'backup', options }]);
    await write(world, 's', 5 * GRANULE, 1, 7);
    await jobIs(world, 'j', 'pending');
    expect(await countOf(world, 's', 'b')).toBe(2 * GRANULE);
    world.graph.jobs.finalize(world.graph.jobs.get('j')!);
    await jobIs(world, 'j');
    expect(await countOf(world, 's', 'b')).toBe(bytes);
  });

  it.each([
    ['on-success', 3 * GRANULE],
    ['always', 2 * GRANULE],
    ['never', 3 * GRANULE],
  ] as const)('in mode %s has after a failure all that is not copied', async (mode, bytes) => {
    await using world = await start();
    const mend = breakWrites(world.graph.nodes.get('t')!, 1);
    // One granule at a time, so that one is copied and the other is not.
    const speed = 1024 ** 3;
    const options = { ...job, sync: 'bitmap', 'bitmap-mode': mode, speed } as const;
    await world.graph.transaction([{ op: 'backup', options }]);
    await write(world, 's', 5 * GRANULE, 1, 7);
    await jobIs(world, 'j');
    mend();
    expect(await countOf(world, 's', 'b')).toBe(bytes);
    expect(told(world, 'j')).toEqual([
      ...['created', 'running', 'BLOCK_JOB_ERROR', 'aborting', 'BLOCK_JOB_COMPLETED'],
      ...['concluded', 'null'],
    ]);
    expect(world.events.find(({ name }) => name === 'BLOCK_JOB_COMPLETED')!.data).toMatchObject({
      error: 'the disk is broken',
    });
  });

  it('is the same for all drives of a group, of which one fails', async () => {
    await using world = await start();
    const { graph } = world;
    await graph.addNode(memory('s2'));
    await graph.addNode(memory('t2'));
    const mend = breakWrites(graph.nodes.get('t2')!);
    const backup = { op: 'backup' } as const;
    const second = { 'job-id': 'k', device: 's2', target: 't2', sync: 'full' } as const;
    await write(world, 's2', 0, 1, 3);
    await graph.transaction(
      [
        { ...backup, options: { ...job, sync: 'incremental' } },
        { ...backup, options: second },
      ],
      { grouped: true },
    );
    await jobIs(world, 'k');
    await jobIs(world, 'j');
    mend();
    expect(told(world, 'j').slice(-3)).toEqual(['BLOCK_JOB_CANCELLED', 'concluded', 'null']);
    expect(await countOf(world, 's', 'b')).toBe(2 * GRANULE);
  });

  it('lets a guest write where its backup cannot be made, and the job fails', async () => {
    await using world = await start();
    breakWrites(world.graph.nodes.get('t')!);
    const options = { ...job, sync: 'none', bitmap: undefined, 'auto-dismiss': false } as const;
    await world.graph.transaction([{ op: 'backup', options }]);
    await write(world, 's', 0, 10, 9);
    expect((await contentOf(world, 's'))[0]).toBe(9);
    await jobIs(world, 'j', 'concluded');
    expect(world.graph.jobs.get('j')!.error).toBe('the disk is broken');
  });

  it('waits for a mended disk where errors stop the job', async () => {
    await using world = await start();
    const mend = breakWrites(world.graph.nodes.get('t')!);
    const options = { ...job, sync: 'incremental', 'on-target-error': 'stop' } as const;
    await world.graph.transaction([{ op: 'backup', options }]);
    await jobIs(world, 'j', 'paused');
    expect(world.graph.jobs.get('j')!.ioStatus).toBe('failed');
    mend();
    world.graph.jobs.get('j')!.resume();
    await jobIs(world, 'j');
    expect(await countOf(world, 's', 'b')).toBe(0);
    expect((await contentOf(world, 't')).subarray(0, 2 * GRANULE).every((b) => b === 1)).toBe(true);
  });
});
