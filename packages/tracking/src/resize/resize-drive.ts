import type { BlockDevice } from '@tidemark/block';
import { type DirtyBitmap, TidemarkError } from '@tidemark/core';
import { type DriveBitmap, recordingContent } from '../drive-bitmap.ts';
import type { DriveState } from '../drive-state.ts';
import type { Durability } from '../durability.ts';
import { refusal } from '../messages.ts';

/**
 * Resizes a device and all of its bitmaps, while nobody writes it and nothing else changes them.
 * Stores first: as long as the device has not followed, a crash leaves bitmaps of which it is known
 * that it may not have. What fails before the device has the new size is taken back.
 * @throws BITMAP_BUSY, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED, BITMAP_TOO_LARGE, DEVICE_UNSUPPORTED,
 *   and what stores and device throw: nothing was changed
 */
export async function resizeDrive(
  state: DriveState,
  device: BlockDevice,
  size: number,
): Promise<void> {
  if (size === device.size) return;
  assertResizable(state, device);
  const unlock = await state.marks.lock();
  try {
    const next = resizedBits(state, size);
    await resizeAll(state, device, size);
    publish(state, next, { size, isShrink: size < next.before });
    // The device may still be in the system's cache only; and a store has to tell one size again.
    await device.flush();
    for (const keeper of state.keepers) await keeper.confirmSize();
  } finally {
    unlock();
  }
}

/** In QEMU's order of refusals. */
function assertResizable(state: DriveState, device: BlockDevice): void {
  for (const bitmap of state.bitmaps.values()) {
    const { name, condition, reason } = bitmap;
    if (state.held.has(name)) throw refusal('busy', state.label, name);
    if (state.isReadonly(bitmap)) throw refusal('readonly', state.label, name);
    if (condition !== 'sound') throw refusal(condition, state.label, name, reason);
  }
  const fixed = state.keepers.find(({ resizable }) => !resizable);
  if (fixed === undefined) return;
  const text = `${device.label} cannot be resized: ${fixed.label} is for one size only`;
  const hint = 'close the drive, and remove its bitmaps first';
  throw new TidemarkError('DEVICE_UNSUPPORTED', text, { where: device.label, hint });
}

interface NextBits {
  /** Of what records, by the bits that are in place now. */
  readonly bits: ReadonlyMap<DirtyBitmap, DirtyBitmap>;
  readonly before: number;
}

/** Made before anything is changed: there may be too many of them. */
function resizedBits({ bitmaps, keepers }: DriveState, size: number): NextBits {
  const bits = new Map<DirtyBitmap, DirtyBitmap>();
  for (const { acquired, content } of bitmaps.values()) {
    if (!acquired || content === undefined) continue;
    const next = content.clone();
    next.resize(size, { grown: 'dirty' });
    bits.set(content, next);
  }
  return { bits, before: keepers[0]?.diskSize ?? size };
}

async function resizeAll(state: DriveState, device: BlockDevice, size: number): Promise<void> {
  const before = device.size;
  const done: { keeper: Durability; from: number }[] = [];
  try {
    // An image that holds disk and bitmaps comes last: what it cuts off nobody can put back.
    for (const keeper of state.keepers.toReversed()) {
      const from = keeper.diskSize;
      await keeper.resize(size, { recording: recordingIn(state, keeper) });
      done.push({ keeper, from });
    }
    await device.resize(size);
  } catch (error) {
    // The first error is the one to report. What cannot be taken back refuses marks, or is in use.
    for (const { keeper, from } of done.toReversed()) {
      const recording = recordingIn(state, keeper);
      await keeper.resize(from, { recording, isUndo: size > before }).catch(() => {});
      await keeper.confirmSize().catch(() => {});
    }
    throw error;
  }
}

function recordingIn(state: DriveState, keeper: Durability): readonly DriveBitmap[] {
  return [...state.bitmaps.values()].filter(
    (bitmap) => bitmap.keeper === keeper && recordingContent(bitmap) !== undefined,
  );
}

/** In one tick. What is at rest is read again when somebody asks. */
function publish(
  state: DriveState,
  { bits }: NextBits,
  { size, isShrink }: { readonly size: number; readonly isShrink: boolean },
): void {
  const { recorder, keepers, marks } = state;
  for (const [old, next] of bits) {
    if (!recorder.bitmaps.has(old)) continue;
    recorder.attach(next);
    recorder.detach(old);
  }
  marks.resize(size);
  for (const keeper of keepers) keeper.resized(bits);
  const all = [...state.bitmaps.values()].map((bitmap) => {
    const content = bitmap.content && bits.get(bitmap.content);
    // A disk that shrinks and grows is another one: no checkpoint says what changed since.
    return { ...bitmap, content, isAnew: bitmap.isAnew || isShrink };
  });
  state.bitmaps = new Map(all.map((bitmap) => [bitmap.name, bitmap]));
}
