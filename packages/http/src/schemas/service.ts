import * as v from 'valibot';
import { Drive } from './drive.ts';
import { flag, rate, text, time, whole } from './fields.ts';

/** Schema of what is said of the daemon itself. */
export const Service = v.object({
  version: text('Of the program'),
  startedAt: time('When it was started'),
  ready: flag('Whether it serves'),
  problems: v.pipe(v.array(v.string()), v.description('What keeps it from that, sentences')),
  writable: flag('Whether this client may change anything'),
});

/** What is said of the daemon itself. */
export type Service = v.InferOutput<typeof Service>;

const RequestCount = v.object({
  kind: text('read, write, write_zeroes, trim, flush, and others'),
  requests: whole('Those that were answered, errors included'),
  bytes: whole('Bytes of the disk that they were about'),
  errors: whole('Those that were answered with an error'),
});

/** Schema of an export for NBD clients. */
export const Export = v.object({
  id: text('Its id'),
  drive: text('The drive that it shows'),
  name: text('What NBD clients call it'),
  readOnly: flag('Whether clients can write nothing'),
  clients: whole('How many use it'),
  bitmaps: v.pipe(v.array(v.string()), v.description('Those that clients can read')),
  counts: v.array(RequestCount),
});

/** An export for NBD clients. */
export type Export = v.InferOutput<typeof Export>;

/** Schema of the NBD server and its exports. */
export const Exports = v.object({
  address: v.exactOptional(text('Where NBD clients connect; absent where they cannot')),
  clients: whole('NBD clients, whether they have chosen an export or not'),
  exports: v.array(Export),
});

/** The NBD server and its exports. */
export type Exports = v.InferOutput<typeof Exports>;

/** Schema of a job. */
export const Job = v.object({
  id: text('Its id'),
  type: text('backup, or another kind'),
  status: text('As QMP has it: created, running, paused, waiting, pending, aborting, concluded'),
  drive: v.exactOptional(text('The drive that it reads')),
  done: whole('Bytes'),
  total: whole('Bytes; may grow while it runs'),
  bytesPerSecond: rate('Over about the last two seconds'),
  secondsLeft: v.exactOptional(rate('At this rate')),
  error: v.exactOptional(text('What went wrong')),
});

/** A job. Bytes, and seconds. */
export type Job = v.InferOutput<typeof Job>;

export const Jobs = v.object({ jobs: v.array(Job) });

/** Schema of a restore point in a repository. */
export const RestorePoint = v.object({
  id: text('Of its manifest'),
  repository: text('Path'),
  drive: text('Label of the drive'),
  time: time('When it was made'),
  kind: v.picklist(['full', 'incremental']),
  reason: text('Why it is of this kind'),
  size: whole('Bytes of the drive'),
  storedBytes: v.exactOptional(whole('What it added to the repository')),
});

/** A restore point in a repository. */
export type RestorePoint = v.InferOutput<typeof RestorePoint>;

/** Schema of the last restore points of all drives. */
export const Points = v.object({
  points: v.pipe(v.array(RestorePoint), v.description('Newest first, at most 100')),
  problems: v.pipe(v.array(v.string()), v.description('Repositories that cannot be read, and why')),
});

/** The last restore points of all drives. */
export type Points = v.InferOutput<typeof Points>;

/** Schema of all that events tell of, at one time. */
export const Snapshot = v.object({
  service: Service,
  drives: v.array(Drive),
  exports: Exports,
  jobs: v.array(Job),
});

/** All that events tell of, at one time. */
export type Snapshot = v.InferOutput<typeof Snapshot>;

/** Schema of the answer to a request that failed. */
export const Failure = v.object({
  error: v.object({
    code: text('Stable: for programs'),
    message: text('What went wrong'),
    where: v.exactOptional(text('Which drive, file or key')),
    hint: v.exactOptional(text('What to do next')),
  }),
});

/** The answer to a request that failed. */
export type Failure = v.InferOutput<typeof Failure>;
