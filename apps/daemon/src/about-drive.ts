import type { Drive, DriveBitmaps } from '@tidemark/drive';

/** What a hand-over has to know of a drive. */
export interface AboutDrive {
  /** Why no other daemon could go on with it and all of its bitmaps. */
  readonly obstacle: string | undefined;
  readonly isLockedForAll: boolean;
}

/** `own`: bitmaps that come with the drive; the others are where options say. @throws I/O codes */
export async function aboutDrive(
  { path, file, isRemote }: Drive,
  [own, ...others]: readonly DriveBitmaps[],
): Promise<AboutDrive> {
  const elsewhere = others.find(({ store }) => store !== undefined)?.sidecarPath;
  const facts = await file.facts?.();
  const isLockedForAll = facts?.kind === 'file';
  return { obstacle: obstacleOf({ path, isRemote, own, elsewhere }), isLockedForAll };
}

function obstacleOf({
  path,
  isRemote,
  own,
  elsewhere,
}: {
  readonly path: string;
  readonly isRemote: boolean;
  readonly own: DriveBitmaps | undefined;
  readonly elsewhere: string | undefined;
}): string | undefined {
  if (isRemote) return `'${path}' is on a server, which nobody locks`;
  if (elsewhere !== undefined) {
    const why = 'where the target would not look for them and would not record in them';
    return `it has bitmaps in '${elsewhere}', ${why}: keep them in the drive's own sidecar`;
  }
  if (own?.store === undefined) return 'it has no place for bitmaps: make its sidecar first';
  return undefined;
}
