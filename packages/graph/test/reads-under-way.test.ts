import { describe, expect, it } from 'vitest';
import { ReadsUnderWay } from '../src/device/reads-under-way.ts';

/** Work that ends when it is told to, and says when it began. */
function held(log: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = async () => {
    log.push(`${name} begins`);
    await promise;
    log.push(`${name} ends`);
  };
  return { work, end: resolve };
}

const soon = () => new Promise(setImmediate);

describe('hidden writes', () => {
  it('wait for reads of their range, and reads that come later wait for them', async () => {
    const reads = new ReadsUnderWay();
    const unwatch = reads.watch();
    const log: string[] = [];
    const [first, write, second] = ['first', 'write', 'second'].map((name) => held(log, name));
    const elsewhere = held(log, 'elsewhere');
    const all = [
      reads.run(0, 10, first!.work),
      reads.hide(5, 10, write!.work),
      reads.run(9, 1, second!.work),
      reads.run(15, 10, elsewhere.work),
    ];
    await soon();
    expect(log).toEqual(['first begins', 'elsewhere begins']);
    first!.end();
    await soon();
    expect(log.slice(2)).toEqual(['first ends', 'write begins']);
    write!.end();
    await soon();
    expect(log.slice(4)).toEqual(['write ends', 'second begins']);
    second!.end();
    elsewhere.end();
    await Promise.all(all);
    unwatch();
    expect(reads.areWatched).toBe(false);
  });
});
