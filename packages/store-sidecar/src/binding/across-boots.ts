import type { BlockDeviceFacts, DriveFacts } from '@tidemark/block';
import type { Control } from '@tidemark/qcow2';
import { sampleOf } from './fingerprint.ts';
import { type Mismatch, mismatch } from './mismatch.ts';
import type { BoundDrive } from './binding.ts';

/** A block device that the sidecar of `control` is for, and how it was found. */
export interface FoundDevice {
  readonly control: Control;
  readonly facts: DriveFacts | undefined;
  readonly drive: BoundDrive;
}

/** What is known of a block device although the system was started anew. */
export type AcrossBoots = { readonly isProven: true } | { readonly why: Mismatch };

/**
 * Whether a block device is what it was when its sidecar was closed in an earlier run of the system:
 * nothing was written to it in this one, and a sample of its content is the same. What was written
 * between the close and the end of the earlier run is seen by the sample alone. Undefined: it is the
 * same run, or no block device. @throws I/O codes
 */
export async function acrossBoots(found: FoundDevice): Promise<AcrossBoots | undefined> {
  const { control, facts } = found;
  const then = control.drive;
  if (then.kind !== 'block device' || facts?.kind !== 'block device') return undefined;
  if (then.counters === undefined || facts.counters === undefined) return undefined;
  if (then.counters.bootId === facts.counters.bootId) return undefined;
  const why = whyNotProven(control, then, facts) ?? (await whyOtherContent(found, then));
  return why === undefined ? { isProven: true } : { why };
}

const ANEW = 'the system was started anew, and';

function whyNotProven(
  { state, liveEntries }: Control,
  then: BlockDeviceFacts,
  now: BlockDeviceFacts,
): Mismatch | undefined {
  const written = now.counters?.writtenSectors;
  if (then.size !== now.size) {
    return mismatch('size', `the drive has ${now.size} bytes, and had ${then.size}`);
  }
  if (state !== 'idle' || liveEntries.length > 0 || then.fingerprint === undefined) {
    return mismatch('boot', `${ANEW} what was written to the drive before is not known`);
  }
  if (written === 0n) return undefined;
  return mismatch('boot', `${ANEW} ${written} sectors of the drive were written since`);
}

async function whyOtherContent(
  { control, drive }: FoundDevice,
  { fingerprint }: BlockDeviceFacts,
): Promise<Mismatch | undefined> {
  const sample = await sampleOf(drive, control.storeId);
  if (sample === undefined) return mismatch('boot', `${ANEW} the drive cannot be read`);
  if (sample === fingerprint) return undefined;
  return mismatch('fingerprint', `${ANEW} a sample of the drive shows other content than before`);
}
