import type { DriveIdentity } from '../format/manifest.ts';

const MAX_LENGTH = 1024;

/** What a manifest could not hold is refused before it is written. @throws TypeError */
export function checkIdentity(drive: DriveIdentity, bitmap: string | undefined): void {
  const texts = { id: drive.id, label: drive.label, format: drive.format, bitmap: bitmap ?? '' };
  for (const [name, text] of Object.entries(texts)) {
    if (text.length > MAX_LENGTH)
      throw new TypeError(`${name} has more than ${MAX_LENGTH} characters`);
  }
  if (drive.id === '') throw new TypeError('a drive needs an id');
}
