import type { ImageState } from '../image-state.ts';
import type { HostFile } from '../io/host-file.ts';
import type { Allocation } from '../refcounts/allocator.ts';
import type { GuestData } from './guest-data.ts';

/** Clusters of the image, counted as all that is in it. */
export class DataInImage implements GuestData {
  readonly isRaw = false;
  readonly isExternal = false;
  readonly #state: ImageState;

  constructor(state: ImageState) {
    this.#state = state;
  }

  get file(): HostFile {
    return this.#state.file;
  }

  write(source: Uint8Array, host: number): Promise<void> {
    return this.#state.file.write(source, host);
  }

  async allocate(_guest: number, clusterCount: number): Promise<Allocation> {
    const { mutex, allocator } = this.#state;
    return mutex.run(() => allocator.allocateUpTo(clusterCount));
  }

  /** Nothing on disk or in flight knows of them. */
  async abandon({ offset, clusterCount }: Allocation): Promise<void> {
    const { mutex, allocator } = this.#state;
    await mutex.run(() => allocator.release(offset, clusterCount));
  }

  unlink(host: number, clusterCount: number): void {
    this.#state.unlink(host, clusterCount);
  }

  /** It is given back once the unlink is durable. */
  async discard(): Promise<void> {}

  assertData(host: number, length: number): void {
    const { guard, geometry } = this.#state;
    const first = host - (host % geometry.clusterSize);
    const clusterCount = Math.ceil((host + length - first) / geometry.clusterSize);
    guard.assertNotMetadata(first, clusterCount);
  }

  /** As a part of the image. */
  async flush(): Promise<void> {}
}
