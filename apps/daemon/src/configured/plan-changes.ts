import { isDeepStrictEqual } from 'node:util';
import type { DriveConfig } from '../config/drive-schema.ts';
import type { Config } from '../config/schema.ts';
import type {
  ExportConfig,
  ListenConfig,
  MonitorConfig,
  NbdConfig,
} from '../config/serving-schema.ts';
import { childrenOf, inOrder } from './node-options.ts';

/** What turns one configuration into another, clients of what is the same in both left alone. */
export interface Changes {
  /** Those on top first. They are there, and go or come again in another way. */
  readonly drivesToRemove: readonly string[];
  /** Those that others are built on first. */
  readonly drivesToAdd: readonly string[];
  /** Other policies of tracking, in place. */
  readonly drivesToRetune: readonly string[];
  readonly exportsToRemove: readonly string[];
  readonly exportsToAdd: readonly string[];
  readonly nbd: 'keep' | 'start' | 'stop' | 'move' | 'configure';
  readonly monitorsToAdd: readonly MonitorConfig[];
  readonly monitorsToRemove: readonly string[];
  readonly metrics: 'keep' | 'change';
  /** `configure`: in place. */
  readonly http: 'keep' | 'change' | 'configure';
}

/** `before`: of what is still there. */
export function planChanges(before: Config, after: Config): Changes {
  const replaced = replacedDrives(before, after);
  const retuned = Object.keys(after.drives).filter((name) => {
    const was = own(before.drives, name);
    return was !== undefined && !replaced.has(name) && !isSameNode(was, after.drives[name]!);
  });
  const nbd = planNbd(before.nbd, after.nbd);
  const isMoved = nbd === 'move' || nbd === 'stop';
  const stays = (id: string, was: ExportConfig) => {
    const next = own(after.exports, id);
    return !isMoved && isDeepStrictEqual(was, next) && !replaced.has(was.drive);
  };
  const kept = new Set(
    Object.entries(before.exports).flatMap(([id, was]) => (stays(id, was) ? [id] : [])),
  );
  const isKnown = (drives: Config['drives']) => (name: string) => Object.hasOwn(drives, name);
  const isNew = (name: string) => replaced.has(name) || !isKnown(before.drives)(name);
  return {
    drivesToRemove: inOrder(before.drives)
      .toReversed()
      .filter((name) => replaced.has(name)),
    drivesToAdd: inOrder(after.drives).filter(isNew),
    drivesToRetune: retuned,
    exportsToRemove: Object.keys(before.exports).filter((id) => !kept.has(id)),
    exportsToAdd: Object.keys(after.exports).filter((id) => !kept.has(id)),
    nbd,
    monitorsToAdd: after.qmp.filter(({ unix }) => !listensOn(before, unix)),
    monitorsToRemove: before.qmp.map(({ unix }) => unix).filter((unix) => !listensOn(after, unix)),
    metrics: isSameListen(before.metrics?.listen, after.metrics?.listen) ? 'keep' : 'change',
    http: planHttp(before.http, after.http),
  };
}

/** Drives that are not there afterwards, or are others, and those that are built on them. */
function replacedDrives(before: Config, after: Config): ReadonlySet<string> {
  const replaced = new Set<string>();
  for (const name of inOrder(before.drives)) {
    const [was, next] = [before.drives[name]!, own(after.drives, name)];
    const isOther = next === undefined || !canStay(name, was, next, [before, after]);
    if (isOther || childrenOf(was).some((child) => replaced.has(child))) replaced.add(name);
  }
  return replaced;
}

function canStay(
  name: string,
  was: DriveConfig,
  next: DriveConfig,
  configs: readonly Config[],
): boolean {
  if (isSameNode(was, next)) return true;
  // Bitmaps that an export holds would be let go.
  const holds = configs.some(({ exports }) =>
    Object.values(exports).some(({ drive, bitmaps }) => drive === name && Array.isArray(bitmaps)),
  );
  return !holds && isDeepStrictEqual(withoutPolicies(was), withoutPolicies(next));
}

function isSameNode(was: DriveConfig, next: DriveConfig): boolean {
  const [{ bitmaps: _, ...one }, { bitmaps: __, ...other }] = [was, next];
  return isDeepStrictEqual(one, other);
}

function withoutPolicies(drive: DriveConfig): object {
  const { bitmaps: _, ...rest } = drive;
  if ('node' in rest) return rest;
  const { durability: __, 'on-tracking-error': ___, 'tracking-bound': ____, ...others } = rest;
  return others;
}

function planNbd(before: NbdConfig | undefined, after: NbdConfig | undefined): Changes['nbd'] {
  if (before === undefined) return after === undefined ? 'keep' : 'start';
  if (after === undefined) return 'stop';
  // Also where nothing differs: files of TLS may be others.
  return isSameListen(before.listen, after.listen) ? 'configure' : 'move';
}

function planHttp(before: Config['http'], after: Config['http']): Changes['http'] {
  if (!isSameListen(before?.listen, after?.listen)) return 'change';
  // Also where nothing differs: the token may be another one.
  return after === undefined ? 'keep' : 'configure';
}

function listensOn({ qmp }: Config, path: string): boolean {
  return qmp.some(({ unix }) => unix === path);
}

/** But for who may connect, which is changed in place. */
function isSameListen(before: ListenConfig | undefined, after: ListenConfig | undefined): boolean {
  return isDeepStrictEqual(addressOf(before), addressOf(after));
}

function addressOf(listen: ListenConfig | undefined): object | undefined {
  return listen !== undefined && 'unix' in listen ? { unix: listen.unix } : listen;
}

function own<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
