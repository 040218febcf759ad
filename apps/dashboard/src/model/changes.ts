import type { Drive, Snapshot } from '@tidemark/http/client';

/** At most so many changes are told of one by one. */
const MOST = 4;

/**
 * What of the difference between two snapshots is worth saying aloud: things that come and go, and
 * new warnings; never counters.
 */
export function describeChanges(before: Snapshot, after: Snapshot): string[] {
  const changes = [
    ...namesOf('drive', before.drives, after.drives, (drive) => drive.name),
    ...after.drives.flatMap((drive) => driveChanges(findDrive(before, drive.name), drive)),
    ...jobChanges(before, after),
  ];
  return changes.length <= MOST ? changes : [`${changes.length} changes on the drives and jobs`];
}

const findDrive = ({ drives }: Snapshot, name: string): Drive | undefined =>
  drives.find((drive) => drive.name === name);

function driveChanges(before: Drive | undefined, after: Drive): string[] {
  if (before === undefined) return [];
  const known = new Set(before.warnings.map(({ code, text }) => `${code} ${text}`));
  return [
    ...namesOf(
      'bitmap',
      before.bitmaps,
      after.bitmaps,
      (bitmap) => bitmap.name,
      ` on ${after.name}`,
    ),
    ...after.bitmaps.flatMap((bitmap) => {
      const old = before.bitmaps.find((one) => one.name === bitmap.name);
      if (old === undefined || old.recording === bitmap.recording) return [];
      return [`bitmap ${bitmap.name} on ${after.name} ${bitmap.recording ? 'records' : 'stopped'}`];
    }),
    ...after.warnings
      .filter(({ code, text }) => !known.has(`${code} ${text}`))
      .map(({ text }) => `warning on ${after.name}: ${text}`),
  ];
}

function jobChanges(before: Snapshot, after: Snapshot): string[] {
  const old = new Map(before.jobs.map((job) => [job.id, job]));
  const started = after.jobs.filter((job) => !old.has(job.id));
  const ended = before.jobs.filter((job) => !after.jobs.some((one) => one.id === job.id));
  return [
    ...started.map((job) => `job ${job.id} started`),
    ...ended.map((job) => `job ${job.id} ended`),
    ...after.jobs
      .filter((job) => job.error !== undefined && old.get(job.id)?.error === undefined)
      .map((job) => `job ${job.id} failed: ${job.error ?? ''}`),
  ];
}

function namesOf<T>(
  what: string,
  before: readonly T[],
  after: readonly T[],
  name: (one: T) => string,
  where = '',
): string[] {
  const old = new Set(before.map(name));
  const now = new Set(after.map(name));
  return [
    ...[...now].filter((one) => !old.has(one)).map((one) => `${what} ${one} added${where}`),
    ...[...old].filter((one) => !now.has(one)).map((one) => `${what} ${one} removed${where}`),
  ];
}
