import type { BlockDevice } from '../block-device.ts';
import type { MemoryDevice } from '../memory-device.ts';
import type { DeviceEvent } from './device-event.ts';
import { copyToMemory } from './recording-device.ts';
import { keptRuns } from './sectors.ts';

/** A new device with what `base` holds and then the events, for example a prefix of a recording. */
export async function replay(
  base: BlockDevice,
  events: readonly DeviceEvent[],
): Promise<MemoryDevice> {
  return powerCut(base, events, () => true);
}

/**
 * Whether a change that no flush covers is on the disk after a power cut: whole, not at all, or for
 * a write in some of its sectors (of 512 bytes, by their number on the device).
 */
export type Keeps = (index: number, event: DeviceEvent) => boolean | ((sector: number) => boolean);

/** A new device as a disk may be when the power fails right after the last of the events. */
export async function powerCut(
  base: BlockDevice,
  events: readonly DeviceEvent[],
  keeps: Keeps,
): Promise<MemoryDevice> {
  const disk = await copyToMemory(base);
  const durable = durableEvents(events);
  for (const [index, event] of events.entries()) {
    const kept = durable.has(index) || keeps(index, event);
    if (kept !== false) await apply(disk, event, kept);
  }
  return disk;
}

/** Events, by index, that survive a power cut after the last of them. */
export function durableEvents(events: readonly DeviceEvent[]): ReadonlySet<number> {
  const durable = new Set<number>();
  for (const event of events) {
    if (event.op !== 'flush') continue;
    for (let index = 0; index < event.upTo; index++) {
      if (!event.except.has(index)) durable.add(index);
    }
  }
  return durable;
}

async function apply(
  disk: MemoryDevice,
  event: DeviceEvent,
  kept: true | ((sector: number) => boolean),
): Promise<void> {
  if (event.op === 'flush') return;
  if (event.op === 'resize') {
    await disk.resize(event.size);
    return;
  }
  const length = event.op === 'write' ? event.bytes.length : event.length;
  // Bytes that were dropped with a resize that was not kept have no place to go.
  const room = Math.max(0, Math.min(length, disk.size - event.offset));
  if (room === 0) return;
  const runs = kept === true ? [[0, room] as const] : keptRuns(event.offset, room, kept);
  for (const [start, end] of runs) {
    const at = event.offset + start;
    if (event.op === 'write') await disk.write(event.bytes.subarray(start, end), at);
    else if (event.op === 'writeZeroes') await disk.writeZeroes(at, end - start);
    else await disk.discard(at, end - start);
  }
}
