import { isTidemarkError } from '@tidemark/core';
import { differences, openPoint, type OpenPoint, type Repository } from '@tidemark/repository';
import {
  SnapshotError,
  type SnapshotRange,
  type SnapshotRanges,
  type SnapshotSource,
} from './snapshot-source.ts';

/** A whole one: with some of its digits another point could be meant later. */
const POINT_ID = /^[0-9a-f]{64}$/;

/** The restore points of a repository as snapshots, by their ids: of each the drive is the volume. */
export class RepositorySnapshots implements SnapshotSource {
  readonly #repository: Repository;
  #known = '';

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  async allocated(id: string): Promise<SnapshotRanges> {
    const now = await this.#open(id);
    return this.#rangesOf(now);
  }

  async delta(baseId: string, targetId: string): Promise<SnapshotRanges> {
    const before = await this.#open(baseId);
    const now = await this.#open(targetId);
    if (before.drive.id !== now.drive.id) {
      throw new SnapshotError('INVALID_ARGUMENT', 'the snapshots are of two volumes');
    }
    if (before.number > now.number) {
      throw new SnapshotError('INVALID_ARGUMENT', 'the base snapshot is younger than the target');
    }
    const [one, other] = [before.manifest, now.manifest];
    if (one.drive.size === other.drive.size && one.granularity === other.granularity) {
      return this.#rangesOf(now, before);
    }
    const text =
      'the volume has another size since, or is cut into other blocks: make a full backup';
    throw new SnapshotError('FAILED_PRECONDITION', text);
  }

  #rangesOf(now: OpenPoint, before?: OpenPoint): SnapshotRanges {
    const found = (offset: number) => differences(this.#repository, now, before, { offset });
    return {
      size: now.manifest.drive.size,
      async *from(offset): AsyncGenerator<SnapshotRange> {
        // What turned to zeros has changed as well.
        for await (const { offset: start, length } of merged(found(offset))) {
          const end = start + length;
          const at = Math.max(start, offset);
          if (end > at) yield { offset: at, length: end - at };
        }
      },
    };
  }

  async #open(id: string): Promise<OpenPoint> {
    if (!POINT_ID.test(id)) throw notFound(id);
    await this.#refresh();
    try {
      return await openPoint(this.#repository, { point: id });
    } catch (error) {
      if (isTidemarkError(error, 'BACKUP_NOT_FOUND')) throw notFound(id, error);
      throw error;
    }
  }

  /** Others back up and prune: what is known of where blocks lie is of one state of the repository. */
  async #refresh(): Promise<void> {
    const { drives, prunes, condemned } = await this.#repository.readRoot();
    const points = drives.map(({ points: of }) => of.map(({ id }) => id));
    const state = JSON.stringify([points, prunes, condemned]);
    if (state !== this.#known) this.#repository.forgetIndex();
    this.#known = state;
  }
}

/** Neighbours made one, whatever they turned to. */
async function* merged(ranges: AsyncIterable<SnapshotRange>): AsyncGenerator<SnapshotRange> {
  let last: { offset: number; length: number } | undefined;
  for await (const { offset, length } of ranges) {
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else {
      if (last !== undefined) yield last;
      last = { offset, length };
    }
  }
  if (last !== undefined) yield last;
}

function notFound(id: string, cause?: unknown): SnapshotError {
  return new SnapshotError('NOT_FOUND', `there is no snapshot '${id.slice(0, 128)}'`, cause);
}
