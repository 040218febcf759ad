import type { Bitmap, Drive, DriveMap, MapQuery, NewBitmap } from './schemas/drive.ts';
import type { Exports, Job, Points, Service } from './schemas/service.ts';

/** What can be done to a bitmap that is there. */
export type BitmapVerb = 'clear' | 'enable' | 'disable';

/**
 * What the API tells of and changes. What it throws becomes an answer: `HttpProblem` as it says, a
 * `TidemarkError` by its code, all else 500 without a word of it.
 */
export interface HttpService {
  service(): Omit<Service, 'writable'>;
  /** Waits for nothing that may take long: it is asked each second. */
  drives(): Promise<Drive[]>;
  exports(): Exports;
  jobs(): Job[];
  points(): Promise<Points>;
  /** @throws HttpProblem: no such drive; TidemarkError OUT_OF_RANGE */
  map(drive: string, query: MapQuery): Promise<DriveMap>;
  /** @throws HttpProblem: no such job, or it is too late */
  cancelJob(id: string): Promise<void>;
  addBitmap(drive: string, bitmap: NewBitmap): Promise<Bitmap>;
  removeBitmap(drive: string, bitmap: string): Promise<void>;
  changeBitmap(drive: string, bitmap: string, verb: BitmapVerb): Promise<Bitmap>;
}
