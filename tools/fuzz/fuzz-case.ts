import { isTidemarkError } from '@tidemark/core';
import { applyRepair, checkImage, planRepair, undoRepair } from '@tidemark/doctor';
import { BitmapDirectory, openQcow2, type Qcow2Image } from '@tidemark/qcow2';
import { FuzzDevice } from './fuzz-device.ts';

/** Bytes that a check may take for counting; a device's largest read is held to it too. */
const MEMORY_LIMIT = 64 * 2 ** 20;
const MAX_CALLS = 50_000;

/** How one case went. */
export interface Outcome {
  /** Code of the refusal, or what was done. */
  readonly open: string;
  readonly check: string;
  readonly repair: string;
  /** It got beyond magic and version. */
  readonly isDeep: boolean;
}

/**
 * Does with a broken image what anybody may do: open it, use it, check it, repair it and take that
 * back. @throws Error: something else than a refusal, a change of what was refused, too much memory
 */
export async function fuzzCase(bytes: Uint8Array): Promise<Outcome> {
  const open = await tryOpen(bytes);
  const check = await tryCheck(bytes);
  const repair = await tryRepair(bytes);
  const isDeep = check !== 'IMAGE_UNRECOGNIZED' && open !== 'IMAGE_UNRECOGNIZED';
  return { open, check, repair, isDeep: isDeep && hasKnownVersion(bytes) };
}

function hasKnownVersion(bytes: Uint8Array): boolean {
  const version = bytes[7];
  return version === 2 || version === 3;
}

/** What is done, or the code of why it is refused. */
async function codeOf(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (isTidemarkError(error)) return error.code;
    throw error;
  }
}

async function tryOpen(bytes: Uint8Array): Promise<string> {
  const device = new FuzzDevice(bytes, { maxCalls: MAX_CALLS });
  let image: Qcow2Image | undefined;
  const opened = await codeOf(async () => {
    image = await openQcow2(device, { writable: true, skipBacking: true });
    return 'opened';
  });
  hold(Buffer.compare(device.bytes, bytes) === 0, 'opening or refusing an image changed it');
  if (image === undefined) return opened;
  const used = image;
  const outcome = await codeOf(() => use(used));
  await codeOf(async () => {
    await used.close();
    return 'closed';
  });
  holdMemory(device);
  return outcome;
}

async function use(image: Qcow2Image): Promise<string> {
  const { size } = image;
  const part = new Uint8Array(Math.min(size, 256 * 1024));
  await image.read(part, 0);
  let steps = 0;
  for await (const { length } of image.extents(0, size)) {
    hold(length > 0, 'an extent of no bytes');
    if (++steps === 100) break;
  }
  const directory = await BitmapDirectory.open({ image: image.metadata });
  for (const { name, inUse, unsupported } of directory.records) {
    if (!inUse && unsupported === undefined) await directory.readContent(name);
  }
  await image.write(part.fill(3), 0);
  await image.flush();
  await directory.replace([], new Map());
  return 'used';
}

async function tryCheck(bytes: Uint8Array): Promise<string> {
  const device = new FuzzDevice(bytes, { maxCalls: MAX_CALLS });
  const outcome = await codeOf(async () => {
    const { findings } = await checkImage(device, { memoryLimit: MEMORY_LIMIT });
    return findings.length === 0 ? 'sound' : 'checked';
  });
  hold(Buffer.compare(device.bytes, bytes) === 0, 'a check changed the image');
  holdMemory(device);
  return outcome;
}

async function tryRepair(bytes: Uint8Array): Promise<string> {
  const device = new FuzzDevice(bytes, { maxCalls: MAX_CALLS });
  const undo = new FuzzDevice(new Uint8Array(0));
  let isPlanned = false;
  const outcome = await codeOf(async () => {
    const plan = await planRepair(device, { memoryLimit: MEMORY_LIMIT });
    isPlanned = true;
    const { before, after, actions, phases } = plan;
    hold(actions.length > 0 === phases.length > 0, 'an action without writes');
    await applyRepair(device, plan, { undo });
    const found = await checkImage(device, { memoryLimit: MEMORY_LIMIT });
    hold(found.corruptions <= before.corruptions, 'a repair made it worse');
    hold(found.corruptions === after.corruptions, 'a repair did not do what was planned');
    return phases.length === 0 ? 'nothing' : 'repaired';
  });
  holdMemory(device);
  if (!isPlanned) hold(Buffer.compare(device.bytes, bytes) === 0, 'a refused repair wrote');
  if (outcome !== 'repaired') return outcome;
  await undoRepair(device, undo);
  hold(Buffer.compare(device.bytes, bytes) === 0, 'an undo is not what was there before');
  return outcome;
}

function holdMemory({ largestRead, bytesRead }: FuzzDevice): void {
  hold(largestRead <= MEMORY_LIMIT, `a read of ${largestRead} bytes`);
  hold(bytesRead <= 1024 * 2 ** 20, `${bytesRead} bytes read`);
}

function hold(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem);
}
