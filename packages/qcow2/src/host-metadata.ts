import type { BlockDevice, DriveFacts, KnownByFacts } from '@tidemark/block';
import { isTidemarkError, TidemarkError, unchanging } from '@tidemark/core';
import type { Control, FoundControl } from './control/control.ts';
import { isSameHeader } from './header/compose-header.ts';
import { readHeader } from './header/parse-header.ts';
import { findControl } from './header/control-extension.ts';
import type { BitmapsPointer, CommitOptions, ImageMetadata } from './image-metadata.ts';
import { giveUpBitmaps } from './give-up-bitmaps.ts';
import type { ImageState } from './image-state.ts';
import type { HeaderPatch } from './header/header-owner.ts';
import type { DiskParts } from './io/disk-parts.ts';
import type { HostRange } from './util/range-set.ts';

interface HostMetadataOptions {
  readonly state: ImageState;
  readonly parts: DiskParts;
  readonly writable: boolean;
}

/** `ImageMetadata` of an open image. */
export class HostMetadata implements ImageMetadata {
  readonly label: string;
  readonly writable: boolean;
  readonly #state: ImageState;
  readonly #parts: DiskParts;
  #tellOfCut: ((message: string) => void) | undefined;
  /** Once the file was found to be shorter than it was. */
  #cut: Promise<TidemarkError> | undefined;

  constructor({ state, parts, writable }: HostMetadataOptions) {
    this.label = state.file.label;
    this.writable = writable;
    this.#state = state;
    this.#parts = parts;
  }

  get version(): number {
    return this.#state.header.version;
  }

  get virtualSize(): number {
    return this.#state.header.virtualSize;
  }

  get clusterSize(): number {
    return this.#state.geometry.clusterSize;
  }

  get fileSize(): number {
    return this.#state.file.size;
  }

  get bitmaps(): BitmapsPointer | undefined {
    return this.#state.header.bitmaps;
  }

  get bitmapsLost(): boolean {
    return this.#state.header.bitmapsLost;
  }

  get control(): FoundControl | undefined {
    return findControl(this.#state.header);
  }

  get hasRoomForBitmaps(): boolean {
    return this.version >= 3 && this.#state.owner.hasRoomForBitmaps;
  }

  get hasRoomForControl(): boolean {
    return this.version >= 3 && this.#state.owner.hasRoomForControl;
  }

  async fileFacts(): Promise<DriveFacts | undefined> {
    const device: BlockDevice & Partial<KnownByFacts> = this.#state.file.device;
    return device.facts?.();
  }

  async isCurrent(): Promise<boolean> {
    const { file, header } = this.#state;
    try {
      return isSameHeader(await readHeader(file), header);
    } catch (error) {
      // Read while it was written, or of an image that has grown since.
      if (isTidemarkError(error, 'IMAGE_CORRUPT')) return false;
      throw error;
    }
  }

  async readHost(target: Uint8Array, offset: number): Promise<void> {
    await this.#state.file.readSoon(target, offset);
  }

  readHostBlocking(target: Uint8Array, offset: number): boolean {
    return this.#state.file.readBlocking(target, offset);
  }

  async writeHost(source: Uint8Array, offset: number): Promise<void> {
    await this.#prepare();
    const { clusterSize } = this.#state.geometry;
    const first = offset - (offset % clusterSize);
    const clusterCount = Math.ceil((offset + source.length - first) / clusterSize);
    this.#state.guard.assertNotMetadata(first, clusterCount);
    await this.#state.file.writeSoon(source, offset);
  }

  async allocate(clusterCount: number): Promise<number> {
    await this.#prepare();
    return this.#state.mutex.run(() => this.#state.allocator.allocateLate(clusterCount));
  }

  async settle(): Promise<void> {
    await this.#state.flush();
  }

  async sync(): Promise<void> {
    await this.#state.file.flush();
  }

  /** The flush that comes next makes it durable, so that no more than one change is ever leaked. */
  async free(offset: number, clusterCount: number): Promise<void> {
    await this.#prepare();
    this.#state.guard.assertNotMetadata(offset, clusterCount);
    await this.#state.mutex.run(() => this.#state.release(offset, clusterCount));
  }

  async reclaimLeaks(kept: readonly HostRange[]): Promise<number> {
    await this.#prepare();
    return this.#state.reclaimLeaks(kept);
  }

  checkSize(virtualSize: number): void {
    this.#parts.resizer.check(virtualSize);
  }

  async commitBitmaps(
    pointer: BitmapsPointer | undefined,
    options: CommitOptions = {},
  ): Promise<void> {
    const { control, hasBitmapsAtRest = false, virtualSize = this.virtualSize } = options;
    const isResize = virtualSize !== this.virtualSize;
    await unchanging(async () => {
      await this.#prepare();
      if (!isResize) return;
      this.#parts.resizer.check(virtualSize);
      await this.#parts.resizer.prepare(virtualSize);
    });
    // An image that has none and gets none is only resized.
    const hasNone = pointer === undefined && this.bitmaps === undefined && control === undefined;
    if (this.version < 3 && !(hasNone && isResize)) {
      throw new TidemarkError('BITMAP_UNSUPPORTED', 'a version 2 image cannot hold bitmaps', {
        where: this.label,
        hint: "upgrade it with 'qemu-img amend -o compat=1.1'",
      });
    }
    await this.#state.mutex.run(async () => {
      // Where all bitmaps are in use, QEMU would not make the change of the header durable that the
      // bit makes it do: a power cut in it could bring an old directory back.
      const isVouchedFor = control !== undefined && hasBitmapsAtRest;
      const { owner } = this.#state;
      const set = (fields: HeaderPatch = {}) =>
        hasNone && isResize
          ? owner.patch(fields)
          : owner.setBitmaps({ pointer, control: control?.(), isVouchedFor, fields });
      if (isResize) return this.#parts.resizer.commit(virtualSize, set);
      await unchanging(() => this.#state.writeBack());
      await set();
    });
    if (isResize) await this.#parts.resizer.finish();
  }

  async commitControl(change: (now: Control) => Control | undefined): Promise<void> {
    await this.#prepare();
    await this.#state.mutex.run(async () => {
      const found = this.control;
      if (found === undefined || 'problem' in found) return;
      const { isVouchedFor } = found;
      const control = change(found.control);
      if (control === undefined) return;
      await this.#state.owner.setBitmaps({ pointer: this.bitmaps, control, isVouchedFor });
    });
  }

  onCut(tell: (message: string) => void): void {
    this.#tellOfCut = tell;
  }

  async #prepare(): Promise<void> {
    if (!this.writable) {
      throw new TidemarkError('DEVICE_READ_ONLY', 'the image was opened for reading', {
        where: this.label,
        hint: 'open it for writing',
      });
    }
    await this.#assertWhole();
    await this.#state.prepareToWrite();
  }

  /** Before anything is written that could make a file that was cut short as long as it was. */
  async #assertWhole(): Promise<void> {
    if (this.#cut !== undefined) throw await this.#cut;
    try {
      this.#state.file.device.assertWhole?.();
    } catch (cause) {
      this.#cut ??= giveUpBitmaps(this.#state, cause);
      const why = await this.#cut.catch((error: unknown) => {
        // Somebody could trust them still.
        this.#cut = undefined;
        throw error;
      });
      this.#tellOfCut?.(`${this.label}: ${why.message}`);
      throw why;
    }
  }
}
