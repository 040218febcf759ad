import type { DriveFacts } from '@tidemark/block';
import { canTellChanges, whyAnother, whyChanged } from '@tidemark/store-sidecar';
import type { Drive } from '../open-drive.ts';

const FILE_FACTS = ['modified', 'changed', 'born', 'inode', 'device'];
const COUNTERS = ['diskSequence', 'writtenSectors'];
/** Names of numbers that JSON has no room for. */
const BIGINTS = new Set([...FILE_FACTS, ...COUNTERS]);

/** How a drive at hand goes with the drive that bitmaps were exported from. */
export type OriginVerdict =
  /** The same drive, and nobody has written it since. */
  | { readonly kind: 'same' }
  /** The same one, which was written since. */
  | { readonly kind: 'changed'; readonly reason: string }
  /** Nothing here can tell. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** What tells later whether a drive was written since; see `judgeOrigin`. @throws I/O codes */
export async function originOf({
  file,
  format,
  isRemote,
}: Pick<Drive, 'file' | 'format' | 'isRemote'>): Promise<string> {
  // Settled: a change after this is bound to be seen.
  const facts = isRemote ? undefined : await file.facts?.({ settled: true });
  return JSON.stringify({ format, ...(facts && { facts }) }, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

/** @throws I/O codes */
export async function judgeOrigin(origin: string, drive: Drive): Promise<OriginVerdict> {
  const then = parseFacts(origin);
  const now = drive.isRemote ? undefined : await drive.file.facts?.();
  if (then === undefined || now === undefined) {
    return { kind: 'unknown', reason: 'nothing tells whether the drive was written since' };
  }
  const another = whyAnother(then, now);
  if (another !== undefined) return { kind: 'unknown', reason: another.reason };
  if (!canTellChanges(now)) {
    return { kind: 'unknown', reason: 'the system does not count what is written to this device' };
  }
  const changed = whyChanged(then, now);
  if (changed === undefined) return { kind: 'same' };
  // An image is written whenever its bitmaps are, too.
  const isImage = drive.image !== undefined;
  return { kind: isImage ? 'unknown' : 'changed', reason: changed.reason };
}

/** Undefined: none, or not such as this version knows. */
function parseFacts(origin: string): DriveFacts | undefined {
  try {
    const parsed: unknown = JSON.parse(origin, (name, value: unknown) =>
      BIGINTS.has(name) && typeof value === 'string' ? BigInt(value) : value,
    );
    const facts = membersOf(parsed)?.get('facts');
    return isFacts(facts) ? facts : undefined;
  } catch {
    return undefined;
  }
}

function isFacts(facts: unknown): facts is DriveFacts {
  const members = membersOf(facts);
  if (typeof members?.get('size') !== 'number') return false;
  if (members.get('kind') === 'file') return areBigInts(members, FILE_FACTS);
  if (members.get('kind') !== 'block device' || !areBigInts(members, ['device'])) return false;
  const counters = members.get('counters');
  return counters === undefined || areBigInts(membersOf(counters), COUNTERS);
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return new Map(Object.entries(value));
}

function areBigInts(
  members: ReadonlyMap<string, unknown> | undefined,
  names: readonly string[],
): boolean {
  return names.every((name) => typeof members?.get(name) === 'bigint');
}
