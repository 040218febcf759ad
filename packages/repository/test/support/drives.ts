import { MemoryDevice } from '@tidemark/block';
import type { BackupBitmap } from '@tidemark/backup';
import { DirtyBitmap } from '@tidemark/core';

/** A drive in memory whose writes a bitmap follows, as a tracked drive does. */
export class TestDrive {
  readonly device: MemoryDevice;
  readonly bitmap: DirtyBitmap;
  readonly id: string;
  checkpoint: string | undefined;

  constructor(size: number, { granularity = 4096, id = 'drive' } = {}) {
    this.device = new MemoryDevice({ size });
    this.bitmap = new DirtyBitmap(size, granularity);
    this.id = id;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.bitmap.set(offset, bytes.length);
    await this.device.write(bytes, offset);
  }

  async trim(offset: number, length: number): Promise<void> {
    this.bitmap.set(offset, length);
    await this.device.discard(offset, length);
  }

  followed(name = 'nightly'): BackupBitmap {
    return {
      name,
      content: this.bitmap.clone(),
      checkpoint: this.checkpoint,
      onDurable: async (checkpoint) => {
        this.bitmap.clear();
        this.checkpoint = checkpoint;
      },
    };
  }

  async content(): Promise<Buffer> {
    return contentOf(this.device);
  }

  get identity() {
    return { id: this.id, label: `${this.id}.raw`, format: 'raw' };
  }
}

export async function contentOf(device: {
  readonly size: number;
  read(target: Uint8Array, offset: number): Promise<void>;
}): Promise<Buffer> {
  const bytes = Buffer.alloc(device.size);
  await device.read(bytes, 0);
  return bytes;
}

/** Bytes that do not repeat, the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 255;
  }
  return bytes;
}
