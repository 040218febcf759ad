import { resolve } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { type BitmapStore, TidemarkError } from '@tidemark/core';
import {
  findDefaultSidecar,
  type Drive,
  type DriveBitmaps,
  openDrive,
  openDriveBitmaps,
  openMemoryBitmaps,
  ProbedRawDevice,
} from '@tidemark/drive';
import { type BitmapSelection, type PreparedDrive, prepareTrackedDrive } from '@tidemark/tracking';
import { type AboutDrive, aboutDrive } from './about-drive.ts';
import type { BitmapPlace, PlannedBitmap, PlannedDrive } from './plan.ts';

/** A drive that is open and checked, and that nothing was changed on yet. */
export interface OpenedDrive {
  readonly planned: PlannedDrive;
  /** Absent for a drive in memory. */
  readonly drive: Drive | undefined;
  readonly prepared: PreparedDrive;
  /** Of a drive of a file. */
  readonly about?: AboutDrive;
  /** Closes everything, and takes new sidecars away again. */
  undo(): Promise<void>;
}

export interface OpenPlannedOptions {
  /**
   * As it was opened before: it is opened again, with what its stores hold by now, whatever options ask
   * for. Its format is not looked for anew.
   */
  readonly before?: Drive;
  readonly warn: (message: string) => void;
  /** See `openDriveBitmaps`. */
  readonly checkpoints: string | undefined;
}

/** Opens one drive with its stores and checks its options. @throws what is wrong; nothing is left */
export async function openPlannedDrive(
  planned: PlannedDrive,
  options: OpenPlannedOptions,
): Promise<OpenedDrive> {
  const { source } = planned.option;
  return source.kind === 'memory'
    ? openMemoryDrive(planned, source.size, options)
    : openFileDrive(planned, source, options);
}

async function openMemoryDrive(
  planned: PlannedDrive,
  size: number,
  { warn }: OpenPlannedOptions,
): Promise<OpenedDrive> {
  const { id, readOnly } = planned.option;
  const device = new MemoryDevice({ size, label: `memory drive '${id}'`, writable: !readOnly });
  const transient = await openMemoryBitmaps(size);
  const prepared = await prepareTrackedDrive({
    device,
    label: id,
    transient,
    writable: !readOnly,
    select: planned.bitmaps.map(({ option }) => selectionOf(option, undefined)),
    onWarning: warn,
  });
  return { planned, drive: undefined, prepared, undo: () => device.close() };
}

async function openFileDrive(
  planned: PlannedDrive,
  source: { readonly path: string; readonly format: 'raw' | 'qcow2' | undefined },
  options: OpenPlannedOptions,
): Promise<OpenedDrive> {
  const { warn, before } = options;
  const { id, readOnly, durability, onTrackingError, trackingBound } = planned.option;
  const format = before?.format ?? source.format;
  const found = await openDrive(source.path, {
    access: readOnly ? 'read' : 'write',
    onNotice: (message) => warn(`drive '${id}': ${message}`),
    ...(format && { format }),
  });
  const drive = guarded({ ...found, ...(before?.isProbedRaw && { isProbedRaw: true }) });
  if (drive.isProbedRaw && !readOnly && before === undefined) {
    const why = 'what would make it look like another format is refused';
    warn(`drive '${id}' looks raw: ${why}, until format=raw says that it is`);
  }
  const opened: DriveBitmaps[] = [];
  const undo = async () => {
    for (const bitmaps of opened) await bitmaps.undo();
    await drive.device.close();
  };
  try {
    const select = await openStores(planned, drive, opened, options);
    const about = await aboutDrive(drive, opened);
    const stores = opened.map(({ store }) => store).filter((store) => store !== undefined);
    // Who does not ask for it by name gets what can be had, and is warned.
    if (durability === 'live') for (const store of stores) assertLive(store, id);
    const prepared = await prepareTrackedDrive({
      device: drive.device,
      label: id,
      stores,
      durability: durability ?? 'live',
      onTrackingError,
      ...(trackingBound !== undefined && { marks: { maxOpen: trackingBound } }),
      transient: await openMemoryBitmaps(drive.device.size),
      writable: !readOnly,
      select: before === undefined ? select : [],
      onWarning: warn,
      ...(drive.image && { clusterSize: drive.image.info.clusterSize }),
    });
    return { planned, drive, prepared, about, undo };
  } catch (error) {
    await undo();
    throw error;
  }
}

/** Where nobody has said what a drive is, a guest does not say it either. */
function guarded(drive: Drive): Drive {
  if (drive.isProbedRaw !== true) return drive;
  return { ...drive, device: new ProbedRawDevice(drive.device) };
}

function assertLive({ live, notLive, label }: BitmapStore, id: string): void {
  if (live !== undefined) return;
  const because = notLive === undefined ? '' : `: ${notLive}`;
  const text = `drive '${id}': ${label} cannot keep bitmaps valid while they record${because}`;
  throw new TidemarkError('USAGE', text, { where: label, hint: 'leave out durability=live' });
}

/**
 * Opens the drive's own store and each sidecar that an option names. A sidecar that is there is
 * opened whether it is named or not: bitmaps in it that record must not miss what is written now.
 */
async function openStores(
  { option: { id, readOnly }, bitmaps }: PlannedDrive,
  drive: Drive,
  opened: DriveBitmaps[],
  { before, warn, checkpoints }: OpenPlannedOptions,
): Promise<readonly BitmapSelection[]> {
  // An option may name the default sidecar too: it is one file, and opened once.
  const hasUsual = drive.image === undefined && !drive.isRemote;
  const own = hasUsual ? resolve(await findDefaultSidecar(drive.path)) : undefined;
  const pathOf = (place: BitmapPlace) => (place.kind === 'sidecar' ? place.path : own);
  const paths = new Set([own]);
  for (const { place } of bitmaps) if (place.kind === 'sidecar') paths.add(place.path);
  const stores = new Map<string | undefined, BitmapStore>();
  for (const path of paths) {
    const mine = bitmaps.filter(({ place }) => place.kind !== 'memory' && pathOf(place) === path);
    const create = !readOnly && before === undefined && mine.some(({ option }) => option.create);
    const found = await openDriveBitmaps(drive, {
      create,
      onNotice: (message) => warn(`drive '${id}': ${message}`),
      ...(path !== undefined && { sidecar: path }),
      ...(checkpoints !== undefined && { checkpoints }),
    });
    opened.push(found);
    if (found.store !== undefined) stores.set(path, found.store);
    else if (mine.length > 0) throw noSidecar(mine[0]!, id, found.sidecarPath);
  }
  return bitmaps.map(({ option, place }) => selectionOf(option, stores.get(pathOf(place))));
}

function selectionOf(
  { name, create, enabled, granularity, persistent }: PlannedBitmap['option'],
  store: BitmapStore | undefined,
): BitmapSelection {
  return {
    name,
    create,
    ...(enabled !== undefined && { enabled }),
    ...(granularity !== undefined && { granularity }),
    ...(persistent && store !== undefined ? { store } : { persistent: false }),
  };
}

function noSidecar(
  { option }: PlannedBitmap,
  drive: string,
  path: string | undefined,
): TidemarkError {
  if (path === undefined) {
    const text = `bitmap '${option.name}' has no place: drive '${drive}' is on a server`;
    const hint = 'name a sidecar of this machine with file=PATH, or add persistent=off';
    return new TidemarkError('USAGE', text, { bitmap: option.name, hint });
  }
  return new TidemarkError(
    'BITMAP_NOT_FOUND',
    `bitmap '${option.name}' of drive '${drive}' not found: there is no sidecar '${path}'`,
    { where: path, bitmap: option.name, hint: 'add create=on to make the bitmap and the sidecar' },
  );
}
