import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DriveMap } from '@tidemark/http/client';
import { MapFeed, type MapPart } from '../src/model/map-feed.ts';

const EMPTY: DriveMap = {
  offset: 0,
  length: 512,
  cellBytes: 512,
  cells: 1,
  bitmaps: {},
  allocated: 'AA==',
  allocatedComplete: true,
  written: 'AA==',
};
const part = (offset: number): MapPart => ({ offset, length: 512, cells: 1 });

describe('the feed of maps', () => {
  const asked: number[] = [];
  let answers: ((map: DriveMap) => void)[] = [];
  let arrived = 0;
  const feedOf = (): MapFeed =>
    new MapFeed({
      load: ({ offset }) => {
        asked.push(offset);
        return new Promise((resolve) => answers.push(resolve));
      },
      arrived: () => arrived++,
      failed: () => undefined,
    });
  const answer = async (): Promise<void> => {
    answers.shift()!(EMPTY);
    await vi.advanceTimersByTimeAsync(0);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    asked.length = 0;
    answers = [];
    arrived = 0;
  });
  afterEach(() => vi.useRealTimers());

  it('asks for nothing while nobody looks, and catches up then', async () => {
    const feed = feedOf();
    feed.choose(part(0));
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked).toEqual([]);
    feed.pause(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual([0]);
  });

  it('has one request under way, and then asks for the last part chosen', async () => {
    const feed = feedOf();
    feed.pause(false);
    for (const offset of [0, 1, 2]) feed.choose(part(offset));
    await vi.advanceTimersByTimeAsync(0);
    feed.choose(part(3));
    feed.choose(part(4));
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked).toEqual([2]);
    await answer();
    expect(asked).toEqual([2, 4]);
    expect(arrived).toBe(1);
  });

  it('asks once a second at most for what changes', async () => {
    const feed = feedOf();
    feed.pause(false);
    feed.choose(part(0));
    await vi.advanceTimersByTimeAsync(0);
    await answer();
    for (let tenth = 0; tenth < 30; tenth++) {
      feed.refresh();
      await vi.advanceTimersByTimeAsync(100);
      if (answers.length > 0) await answer();
    }
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  it('tells nothing after it was closed', async () => {
    const feed = feedOf();
    feed.pause(false);
    feed.choose(part(0));
    await vi.advanceTimersByTimeAsync(0);
    feed.close();
    await answer();
    expect(arrived).toBe(0);
  });
});
