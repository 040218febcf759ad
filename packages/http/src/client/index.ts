// For browsers as well: nothing here needs Node.
export { ApiError } from './api-error.ts';
export { type ClientOptions, type MapOptions, TidemarkClient } from './client.ts';
export type { BitmapVerb } from '../http-service.ts';
export type { Bitmap, Drive, DriveMap, NewBitmap, Warning } from '../schemas/drive.ts';
export type {
  Export,
  Exports,
  Failure,
  Job,
  Points,
  RestorePoint,
  Service,
  Snapshot,
} from '../schemas/service.ts';
