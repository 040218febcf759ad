import type { Token } from '../control/tokens.ts';
import { type BitmapsPointer, type ImageMetadata } from '../image-metadata.ts';
import {
  composeRecords,
  type DirectoryContents,
  isSameDirectory,
  type PresentRecords,
} from './compose-records.ts';
import type { BitmapRecord } from './directory-codec.ts';
import type { NewClusters } from './new-clusters.ts';
import { writeContent } from './write-content.ts';
import { writeMerge } from './write-merge.ts';
import { assertCanHold, writeDirectory } from './write-directory.ts';

/** A directory that is written. */
export interface NewDirectoryOnDisk {
  readonly records: readonly BitmapRecord[];
  /** Absent where there are no bitmaps. */
  readonly pointer: BitmapsPointer | undefined;
}

/** One that is going to be in place, with what goes with it. */
export interface CommittedDirectory extends NewDirectoryOnDisk {
  readonly tokens: readonly Token[];
  /** Bytes. */
  readonly diskSize: number;
}

export interface DirectoryToWrite extends DirectoryContents {
  readonly image: ImageMetadata;
  /** Bytes. */
  readonly diskSize: number;
  readonly present: PresentRecords;
  /** The directory as it lies on disk: where the new one is the same, it stays. */
  readonly inPlace: NewDirectoryOnDisk | undefined;
  readonly clusters: NewClusters;
  /** Makes it durable, with what its clusters need. The commit does that, too. */
  readonly durable: boolean;
}

/** Writes all that a new directory is made of, or leaves nothing. */
export async function writeNewDirectory(wanted: DirectoryToWrite): Promise<NewDirectoryOnDisk> {
  const { image, present, inPlace, clusters } = wanted;
  assertCanHold(image, wanted.diskSize, wanted.entries.length);
  try {
    const { diskSize } = wanted;
    const records = await composeRecords(present, wanted, {
      content: (content) => writeContent(image, content, clusters),
      merge: (parts, granularity) => {
        return writeMerge(image, parts, { diskSize, granularity }, clusters);
      },
    });
    if (inPlace !== undefined && isSameDirectory(records, inPlace.records)) return inPlace;
    const pointer = await writeDirectory(image, records, clusters);
    if (wanted.durable) await image.settle();
    return { records, pointer };
  } catch (error) {
    await clusters.abandon();
    throw error;
  }
}
