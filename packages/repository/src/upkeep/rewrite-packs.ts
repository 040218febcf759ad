import { throwIfCancelled } from '@tidemark/backup/parts';
import { BlobIndex } from '../blobs/blob-index.ts';
import { BlobReader } from '../blobs/blob-reader.ts';
import { BlobWriter } from '../blobs/blob-writer.ts';
import type { Repository } from '../repository.ts';
import type { PrunePlan } from './plan-prune.ts';

/** Stores blobs again, in packs of their own. @returns bytes of these packs; durable then */
export async function rewritePacks(
  repository: Repository,
  { moved }: Pick<PrunePlan, 'moved'>,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (moved.length === 0) return 0;
  const { store, sealer, config } = repository;
  const { blobs } = await repository.index();
  const reader = new BlobReader(store, sealer, blobs);
  // One that knows of none of them, so that each is stored.
  const index = new BlobIndex();
  const writer = new BlobWriter({ store, sealer, compression: config.compression, index });
  try {
    for (const blob of moved) {
      throwIfCancelled(signal);
      const { digest, kind } = blobs.place(blob);
      const plain = await reader.read(digest);
      if (kind === 'node') await writer.addNode(plain);
      else await writer.addData(plain);
    }
    await writer.finish();
    return writer.storedBytes;
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
