import { MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { createQcow2, type CreateQcow2Options, openQcow2 } from '../../src/index.ts';
import { GuestLog } from './guest-log.ts';

const KIB = 1024;

export const WORKLOADS = [
  { clusterSize: 512, refcountBits: 64, size: 100 * KIB },
  { clusterSize: 512, refcountBits: 16, size: 64 * KIB },
  { clusterSize: 4 * KIB, refcountBits: 8, size: 300 * KIB },
  { clusterSize: 16 * KIB, extendedL2: true, size: 100 * KIB + 512 },
];

/** A guest that worked on a new image, and what reached the device meanwhile. */
export async function recordWorkload(options: CreateQcow2Options, seed: number) {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, options);
  const device = await RecordingDevice.startOn(memory);
  const image = await openQcow2(device, { writable: true });
  const guest = new GuestLog(image, device, seed);
  await guest.run(25);
  await image.close();
  return { device, guest };
}
