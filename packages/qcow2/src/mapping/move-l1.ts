import { l1EntriesFor, TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { HeaderPatch } from '../header/header-owner.ts';
import type { ImageState } from '../image-state.ts';

/** A larger L1 table that nothing points to yet. */
export interface MovedL1 {
  /** What the header says of it. */
  readonly fields: HeaderPatch;
  /** The header points to it: the old one is given back. */
  done(): void;
  /** The header is not going to point to it. */
  abandon(): Promise<void>;
}

/**
 * Inside `mutex`, until `done` or `abandon`: puts a copy of the L1 table where there is room for a
 * disk of `size` bytes, unless there is room already. It is durable after a `writeBack`, which puts
 * what is new in the old table too.
 * @throws NO_SPACE, IO_FAILED
 */
export async function moveL1(state: ImageState, size: number): Promise<MovedL1 | undefined> {
  const { map, geometry, allocator, file } = state;
  const l1Entries = l1EntriesFor(size, geometry);
  if (l1Entries <= map.l1.length) return undefined;
  const bytes = new Uint8Array(l1Entries * TABLE_ENTRY_SIZE);
  bytes.set(map.l1.encode());
  const clustersOf = (length: number) => Math.ceil(length / geometry.clusterSize);
  const l1Offset = await allocator.allocate(clustersOf(bytes.length));
  await file.write(bytes, l1Offset);
  const old = state.header;
  return {
    fields: { l1Offset, l1Entries },
    done() {
      map.l1.grow(l1Entries);
      const oldClusters = clustersOf(old.l1Entries * TABLE_ENTRY_SIZE);
      if (oldClusters > 0) state.unlink(old.l1Offset, oldClusters);
    },
    async abandon() {
      // A failure here leaves a leak, and must not hide the error that led to it.
      await allocator.release(l1Offset, clustersOf(bytes.length)).catch(() => {});
    },
  };
}
