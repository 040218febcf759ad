export { checkImage, type CheckOptions } from './check-image.ts';
export type { Finding, FindingKind, Severity } from './findings.ts';
export type { BitmapsState, BitmapVerdict, CheckedBitmap, ImageCheck } from './result.ts';
