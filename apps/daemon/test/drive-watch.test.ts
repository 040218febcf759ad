import { describe, expect, it } from 'vitest';
import type { BlockGraph } from '@tidemark/graph';
import { DriveWatch } from '../src/systemd/drive-watch.ts';

interface FakeNode {
  readonly name: string;
  readonly device: { progress: { inFlight: number; done: number } };
  tracked: { trouble: object | undefined };
}

/** A watch over one disk whose progress and clock are given. */
function watched() {
  const node: FakeNode = {
    name: 'd',
    device: { progress: { inFlight: 0, done: 0 } },
    tracked: { trouble: undefined },
  };
  const graph = { nodes: { list: () => [node], get: () => node } } as unknown as BlockGraph;
  let now = 0;
  const watch = new DriveWatch(graph, () => now);
  const after = (milliseconds: number, inFlight: number, done: number) => {
    now += milliseconds;
    node.device.progress = { inFlight, done };
    watch.look();
    return watch.stuckFor(1000);
  };
  return { node, watch, after };
}

describe('a watch over disks', () => {
  it('finds one that ends nothing while something is asked of it', () => {
    const { after } = watched();
    expect(after(0, 1, 5)).toEqual([]);
    expect(after(999, 2, 5)).toEqual([]);
    expect(after(1, 3, 5)).toEqual(['d']);
    expect(after(1, 3, 6)).toEqual([]);
  });

  it('finds none that is idle, ends something, or waits on purpose', () => {
    const { after, node, watch } = watched();
    for (let done = 0; done < 5; done += 1) expect(after(1000, 4, done)).toEqual([]);
    expect(after(5000, 0, 9)).toEqual([]);
    expect(after(5000, 0, 9)).toEqual([]);
    node.tracked.trouble = {};
    expect(after(5000, 1, 9)).toEqual([]);
    expect(after(5000, 1, 9)).toEqual([]);
    node.tracked.trouble = undefined;
    expect(after(0, 1, 9)).toEqual([]);
    expect(after(1000, 1, 9)).toEqual(['d']);
    // Between two looks it has gone on.
    node.device.progress = { inFlight: 1, done: 10 };
    expect(watch.stuckFor(0)).toEqual([]);
  });
});
