import { isTidemarkError } from '@tidemark/core';
import { openDrive, openDriveBitmaps, openRecordingDrive, resizeDrive } from '@tidemark/drive';
import { run } from '../qemu.ts';
import type { OurStep, Plan } from './operations.ts';

/** Does it as our programs do. @returns false: we refuse this image, by name */
export async function performOurs(path: string, steps: readonly OurStep[]): Promise<boolean> {
  try {
    const [first] = steps;
    if (first?.op === 'commit') await commit(path, first);
    else if (first?.op === 'resize')
      await resizeDrive(path, first.size, { format: 'qcow2', shrink: true });
    else await changeDisk(path, steps);
    return true;
  } catch (error) {
    if (isTidemarkError(error, 'IMAGE_UNSUPPORTED')) return false;
    throw error;
  }
}

async function commit(path: string, { changes }: Extract<OurStep, { op: 'commit' }>) {
  const drive = await openDrive(path, { format: 'qcow2', access: 'bitmaps', skipBacking: true });
  try {
    const { store } = await openDriveBitmaps(drive);
    try {
      await store!.commit(changes);
    } finally {
      await store!.close();
    }
  } finally {
    await drive.device.close();
  }
}

async function changeDisk(path: string, steps: readonly OurStep[]): Promise<void> {
  await using drive = await openRecordingDrive(path, { format: 'qcow2' });
  for (const step of steps) {
    if (step.op === 'write') await drive.device.write(step.bytes, step.offset);
    else if (step.op === 'zero') {
      await drive.device.writeZeroes(step.offset, step.length, { unmap: step.unmap });
    } else if (step.op === 'discard') await drive.device.discard(step.offset, step.length);
  }
}

/** Does it as QEMU does. */
export async function performQemu(path: string, { qemu = [] }: Plan): Promise<void> {
  for (const [program, ...args] of qemu) {
    const given = args.map((arg) => (arg === 'IMAGE' ? path : arg));
    const output = await run(program!, ...given);
    if (output.trim() !== '') throw new Error(`${program} ${given.join(' ')}: ${output}`);
  }
}
