export { cellsOf, type Cells } from './cells.ts';
export { drawPng } from './draw-png.ts';
export { drawSvg } from './draw-svg.ts';
export { drawText, shade, type TextOptions } from './draw-text.ts';
export { foldBitmap, type FoldOptions, type Picture, type PictureRow } from './picture.ts';
