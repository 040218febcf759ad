import { DirtyBitmap } from '@tidemark/core';

const monday = new DirtyBitmap(10 * 2 ** 30, 65_536); // a 10 GiB disk, 64 KiB to a bit
monday.set(4096, 1); // a write marks each granule that it touches
monday.set(5 * 2 ** 30, 2 ** 20);

const tuesday = new DirtyBitmap(10 * 2 ** 30, 2 ** 20);
tuesday.merge(monday); // granularities may differ: rounded outward
for (const { offset, length } of tuesday.dirtyExtents()) console.log(offset, length);
console.log(monday.count, tuesday.dirtyBytes, monday.sha256().slice(0, 8));
