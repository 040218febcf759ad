import { type BitmapsPointer, type ImageMetadata } from '../image-metadata.ts';
import type { DirectoryContents } from './checkpoints.ts';
import { composeRecords, type PresentRecords } from './compose-records.ts';
import type { BitmapRecord } from './directory-codec.ts';
import type { NewClusters } from './new-clusters.ts';
import { writeContent } from './write-content.ts';
import { assertCanHold, writeDirectory } from './write-directory.ts';

/** A directory that is written, and that nothing points to yet. */
export interface NewDirectoryOnDisk {
  readonly records: readonly BitmapRecord[];
  /** Absent where there are no bitmaps. */
  readonly pointer: BitmapsPointer | undefined;
}

export interface DirectoryToWrite extends DirectoryContents {
  readonly image: ImageMetadata;
  /** Bytes. */
  readonly diskSize: number;
  readonly present: PresentRecords;
  readonly clusters: NewClusters;
  /** Makes it durable, with what its clusters need. The commit does that, too. */
  readonly durable: boolean;
}

/** Writes all that a new directory is made of, or leaves nothing. */
export async function writeNewDirectory(wanted: DirectoryToWrite): Promise<NewDirectoryOnDisk> {
  const { image, present, clusters } = wanted;
  assertCanHold(image, wanted.diskSize, wanted.entries.length);
  try {
    const records = await composeRecords(present, wanted, (content) =>
      writeContent(image, content, clusters),
    );
    const pointer = await writeDirectory(image, records, clusters);
    if (wanted.durable) await image.settle();
    return { records, pointer };
  } catch (error) {
    await clusters.abandon();
    throw error;
  }
}
