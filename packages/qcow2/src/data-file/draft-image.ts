import { TidemarkError } from '@tidemark/core';
import type { FoundControl } from '../control/control.ts';
import { type Geometry, roundUp, SECTOR_SIZE } from '../geometry.ts';
import { extensionsEnd } from '../header/compose-header.ts';
import type { HeaderOwner } from '../header/header-owner.ts';
import { takeoverBytes } from '../header/takeover-bytes.ts';
import { headerGeometry, type ImageHeader } from '../header/image-header.ts';
import type { BitmapsPointer, CommitOptions, ImageMetadata } from '../image-metadata.ts';
import type { HostFile } from '../io/host-file.ts';
import { hasDataFile } from './data-file.ts';
import { planTables, writeTables } from './write-tables.ts';

export interface DraftImageOptions {
  readonly file: HostFile;
  readonly owner: HeaderOwner;
  /** The header of the new image; where its tables lie is filled in at the commit. */
  readonly layout: ImageHeader;
}

/**
 * Another image behind the end of the one that is in a file: with clusters of another size, say, or
 * its data elsewhere. Nothing that is in use is touched before `commitBitmaps`, whose one write of
 * sector 0 puts the new image in the old one's place.
 */
export class DraftImage implements ImageMetadata {
  readonly label: string;
  readonly writable = true;
  readonly version = 3;
  readonly virtualSize: number;
  readonly clusterSize: number;
  readonly bitmapsLost = false;
  readonly control: FoundControl | undefined = undefined;
  readonly hasRoomForBitmaps = true;
  readonly hasRoomForControl = true;
  readonly #options: DraftImageOptions;
  readonly #geometry: Geometry;
  readonly #start: number;
  #end: number;
  #pointer: BitmapsPointer | undefined;
  #isCommitted = false;

  constructor(options: DraftImageOptions) {
    const { file, layout } = options;
    this.#options = options;
    this.label = file.label;
    this.virtualSize = layout.virtualSize;
    this.#geometry = headerGeometry(layout);
    this.clusterSize = this.#geometry.clusterSize;
    this.#start = Math.max(this.clusterSize, roundUp(file.size, this.clusterSize));
    this.#end = this.#start;
  }

  get fileSize(): number {
    return this.#options.file.size;
  }

  get bitmaps(): BitmapsPointer | undefined {
    return this.#pointer;
  }

  get isCommitted(): boolean {
    return this.#isCommitted;
  }

  async fileFacts(): Promise<undefined> {}

  async isCurrent(): Promise<boolean> {
    return !this.#isCommitted;
  }

  readHost(target: Uint8Array, offset: number): Promise<void> {
    return this.#options.file.read(target, offset);
  }

  readHostBlocking(target: Uint8Array, offset: number): boolean {
    return this.#options.file.readBlocking(target, offset);
  }

  writeHost(source: Uint8Array, offset: number): Promise<void> {
    return this.#options.file.write(source, offset);
  }

  async allocate(clusterCount: number): Promise<number> {
    const offset = this.#end;
    this.#end += clusterCount * this.clusterSize;
    return offset;
  }

  settle(): Promise<void> {
    return this.#options.file.flush();
  }

  sync(): Promise<void> {
    return this.#options.file.flush();
  }

  /** What is not linked at the commit is not counted either. */
  async free(): Promise<void> {}

  async reclaimLeaks(): Promise<number> {
    return 0;
  }

  /** It takes the place of an image of the same size. */
  checkSize(virtualSize: number): void {
    if (virtualSize === this.virtualSize) return;
    throw new RangeError(`expected the size of the image before, got ${virtualSize}`);
  }

  async commitBitmaps(
    pointer: BitmapsPointer | undefined,
    { control, hasBitmapsAtRest = false }: CommitOptions = {},
  ): Promise<void> {
    if (this.#isCommitted) throw onlyOnce(this.label);
    const { file, owner, layout } = this.#options;
    const plan = planTables({
      geometry: this.#geometry,
      size: layout.virtualSize,
      isMapped: hasDataFile(layout),
      used: { start: this.#start, end: this.#end },
    });
    await writeTables(file, plan);
    // Content and counts before the link: until sector 0 says so, the old image is there, whole.
    await file.flush();
    const isVouchedFor = control !== undefined && hasBitmapsAtRest;
    const change = { pointer, control: control?.(), isVouchedFor };
    await owner.switchLayout({ ...layout, ...plan.header }, change);
    this.#pointer = pointer;
    this.#isCommitted = true;
  }

  async commitControl(): Promise<void> {
    throw onlyOnce(this.label);
  }

  /**
   * After the commit. Gives the space of the old image back, of which nothing is in use; what of it
   * lies in the first cluster must not be taken for extensions where a header is written in part.
   */
  async dropOldImage(): Promise<void> {
    const { device } = this.#options.file;
    const { header } = this.#options.owner;
    const usedEnd = Math.max(extensionsEnd(header), SECTOR_SIZE + takeoverBytes(header).length);
    const headerEnd = roundUp(usedEnd, SECTOR_SIZE);
    await device.writeZeroes(headerEnd, this.clusterSize - headerEnd);
    await device.discard(this.clusterSize, this.#start - this.clusterSize);
  }
}

function onlyOnce(where: string): TidemarkError {
  return new TidemarkError('STORE_FAILED', 'the image was replaced by another one', {
    where,
    hint: 'close it and open it again',
  });
}
