import { DirtyBitmap } from '@tidemark/core';
import { drawSvg, drawText, foldBitmap } from '@tidemark/picture';

const bitmap = new DirtyBitmap(2 ** 30, 65_536);
bitmap.set(2 ** 28, 2 ** 26);
const picture = foldBitmap(bitmap, {
  title: 'nightly',
  description: '64 MiB of 1 GiB have changed',
  columns: 32,
  rows: 2,
  label: (offset) => `${offset / 2 ** 20} MiB`,
});
console.log(drawText(picture, { colour: false }).join('\n'));
console.log(drawSvg(picture).startsWith('<svg'));
