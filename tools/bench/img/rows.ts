import type { Arguments } from './program.ts';

export interface Row {
  readonly what: string;
  readonly args: Arguments;
  /** Whether it changes the image. */
  readonly changes: boolean;
}

const look = (what: string, ...args: readonly string[]): Row => ({ what, args, changes: false });
const change = (what: string, ...args: readonly string[]): Row => {
  return { what, args: ['bitmap', '-f', 'qcow2', ...args], changes: true };
};

export const CHECK: Row = look('check', 'check', '-f', 'qcow2', 'IMAGE');

/** Of images that have the bitmaps `b0` and `b1`. */
export const BITMAP_ROWS: readonly Row[] = [
  look('info', 'info', '-f', 'qcow2', 'IMAGE'),
  CHECK,
  change('bitmap --add', '--add', 'IMAGE', 'new'),
  change('bitmap --clear', '--clear', 'IMAGE', 'b0'),
  change('bitmap --merge', '--merge', 'b1', 'IMAGE', 'b0'),
];

/** Of a disk that `makeDisks` has made; IMAGE is the raw one. */
export function copyRows(base: string): readonly Row[] {
  const [qcow2, raw2, qcow2Too] = [`${base}.qcow2`, `${base}-2.raw`, `${base}-2.qcow2`];
  return [
    look('convert raw to qcow2', 'convert', '-f', 'raw', '-O', 'qcow2', 'IMAGE', 'TARGET'),
    look('convert qcow2 to raw', 'convert', '-f', 'qcow2', '-O', 'raw', qcow2, 'TARGET'),
    look('compare raw', 'compare', '-f', 'raw', '-F', 'raw', 'IMAGE', raw2),
    look('compare qcow2', 'compare', '-f', 'qcow2', '-F', 'qcow2', qcow2, qcow2Too),
  ];
}
