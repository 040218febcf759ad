import { createDrive, type DriveFormat, openDrive, openRecordingDrive } from '@tidemark/drive';

export interface Write {
  readonly offset: number;
  readonly length: number;
  readonly byte: number;
}

/** A new drive with some data in it. */
export async function makeDrive(
  path: string,
  format: DriveFormat,
  size: number,
  writes: readonly Write[] = [],
): Promise<void> {
  const { device } = await createDrive(path, { format, size });
  for (const { offset, length, byte } of writes) {
    await device.write(Buffer.alloc(length, byte), offset);
  }
  await device.close();
}

/** Writes as a guest does through us: every enabled bitmap records. */
export async function guestWrites(path: string, writes: readonly Write[]): Promise<void> {
  const drive = await openRecordingDrive(path);
  for (const { offset, length, byte } of writes) {
    await drive.device.write(Buffer.alloc(length, byte), offset);
  }
  await drive.close();
}

/** The disk's whole content. */
export async function readDrive(path: string): Promise<Buffer> {
  const { device } = await openDrive(path);
  const bytes = Buffer.alloc(device.size);
  await device.read(bytes, 0);
  await device.close();
  return bytes;
}
