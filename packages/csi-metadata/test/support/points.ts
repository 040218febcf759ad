import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { MemoryObjectStore } from '@tidemark/object-store';
import { backUpDrives, createRepository, type Repository } from '@tidemark/repository';

export const GRANULE = 4096;

/** A drive that is backed up, with the content of each restore point kept beside. */
export class BackedUp {
  readonly device: MemoryDevice;
  readonly id: string;
  readonly points: { readonly id: string; readonly content: Buffer }[] = [];
  readonly #repository: Repository;
  readonly #bitmap: DirtyBitmap;
  #began: string | undefined;

  constructor(repository: Repository, size: number, id = 'drive') {
    this.#repository = repository;
    this.device = new MemoryDevice({ size });
    this.#bitmap = new DirtyBitmap(size, GRANULE);
    this.id = id;
  }

  /** Fills a part with a byte; 0 turns it to zeros. */
  async fill(offset: number, length: number, byte: number): Promise<void> {
    const bytes = Math.min(length, this.device.size - offset);
    this.#bitmap.set(offset, bytes);
    await this.device.write(Buffer.alloc(bytes, byte), offset);
  }

  async backUp(): Promise<string> {
    const [point] = await backUpDrives({
      repository: this.#repository,
      granularity: GRANULE,
      drives: [
        {
          source: this.device,
          drive: { id: this.id, label: this.id, format: 'raw' },
          bitmap: {
            name: 'b',
            content: this.#bitmap.clone(),
            checkpoint: this.#began,
            onDurable: async (checkpoint) => {
              this.#bitmap.clear();
              this.#began = checkpoint;
            },
          },
        },
      ],
    });
    const content = Buffer.alloc(this.device.size);
    await this.device.read(content, 0);
    this.points.push({ id: point!.id, content });
    return point!.id;
  }
}

export async function newRepository(): Promise<Repository> {
  return createRepository(new MemoryObjectStore());
}
