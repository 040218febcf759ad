import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive, openDrive } from '@tidemark/drive';

const SIZE = 1024 ** 3;
const STEP = 4 * 1024 * 1024;

export interface DemoDrive {
  readonly format: 'raw' | 'qcow2';
  readonly id: string;
  readonly path: string;
  readonly backups: string;
  readonly restored: string;
  /** SHA-256 of the whole disk, whatever file holds it. */
  digest(path: string): Promise<string>;
}

export async function makeDrives(folder: string): Promise<readonly DemoDrive[]> {
  return [await makeDrive(folder, 'raw'), await makeDrive(folder, 'qcow2')];
}

async function makeDrive(folder: string, format: 'raw' | 'qcow2'): Promise<DemoDrive> {
  const home = join(folder, format);
  mkdirSync(home);
  const path = join(home, `disk.${format}`);
  const drive = await createDrive(path, { format, size: SIZE });
  await drive.device.close();
  const digest = (file: string) => digestOf(file, format);
  return {
    format,
    id: `${format}-drive`,
    path,
    backups: join(home, 'backups'),
    restored: join(home, `restored.${format}`),
    digest,
  };
}

async function digestOf(path: string, format: 'raw' | 'qcow2'): Promise<string> {
  const { device } = await openDrive(path, { format });
  const hash = createHash('sha256');
  const buffer = new Uint8Array(STEP);
  for (let offset = 0; offset < device.size; offset += STEP) {
    await device.read(buffer, offset);
    hash.update(buffer);
  }
  await device.close();
  return hash.digest('hex');
}
