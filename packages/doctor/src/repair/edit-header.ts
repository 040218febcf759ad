import {
  Autoclear,
  BitmapsExtension,
  ExtensionHead,
  ExtensionType,
  HeaderV3,
} from '@tidemark/qcow2/format';
import type { Layout } from '../layout/layout.ts';
import { type Draft, SECTOR } from './draft.ts';

const KNOWN_AUTOCLEAR = Object.values(Autoclear).reduce((all, bit) => all | bit, 0n);

/**
 * Takes the place of an extension that is gone where those behind it cannot be moved by one write:
 * a type that nobody knows, which every program leaves alone.
 */
const VOID_EXTENSION = 0x54494430;

export interface BitmapsPlace {
  readonly count: number;
  /** Bytes. */
  readonly size: number;
  readonly offset: number;
}

/** Changes of the header, each in phases of their own: one sector at a time is a commit point. */
export class HeaderEditor {
  readonly #layout: Layout;
  readonly #draft: Draft;

  constructor(layout: Layout, draft: Draft) {
    this.#layout = layout;
    this.#draft = draft;
  }

  /** Points the extension to a new directory. */
  async placeBitmaps(at: number, place: BitmapsPlace): Promise<void> {
    const bytes = new Uint8Array(ExtensionHead.size + BitmapsExtension.size);
    ExtensionHead.encode({ type: ExtensionType.bitmaps, length: BitmapsExtension.size }, bytes);
    const { count, size, offset } = place;
    BitmapsExtension.encode(
      {
        bitmapCount: count,
        reserved: null,
        directorySize: BigInt(size),
        directoryOffset: BigInt(offset),
      },
      bytes,
      ExtensionHead.size,
    );
    const data = at + ExtensionHead.size;
    const end = data + BitmapsExtension.size;
    if (sectorOf(data) === sectorOf(end - 1)) {
      await this.#step('point to the new bitmap directory', data, bytes.subarray(8));
      await this.#setAutoclear(Autoclear.bitmaps);
      return;
    }
    // Two sectors: without the bit, what is between the two writes is not looked at.
    await this.#setAutoclear(0n);
    await this.#step('point to the new bitmap directory', data, bytes.subarray(8));
    await this.#setAutoclear(Autoclear.bitmaps);
  }

  /** Nobody looks at the bitmaps any more when the bit is cleared; then their extensions go. */
  async removeBitmaps(): Promise<void> {
    await this.#setAutoclear(0n);
    const { extensions, extensionsEnd, cluster } = this.#layout;
    const gone = extensions.filter(({ type }) => type === ExtensionType.bitmaps);
    const kept = extensions.filter(({ type }) => type !== ExtensionType.bitmaps);
    const [first] = gone;
    if (first === undefined) return;
    const behind = kept.filter(({ at }) => at > first.at);
    if (behind.length > 0 && sectorOf(first.at) !== sectorOf(extensionsEnd - 1)) {
      for (const { at } of gone) await this.#step('void the extension', at, uint32(VOID_EXTENSION));
      return;
    }
    // An end marker comes first, so that a part of this write is as good as all of it.
    const area = new Uint8Array(extensionsEnd - first.at);
    let to = 0;
    for (const { at, length } of behind) {
      const size = ExtensionHead.size + Math.ceil(length / 8) * 8;
      area.set(cluster.subarray(at, at + size), to);
      to += size;
    }
    await this.#step('remove the bitmaps extension', first.at, area);
  }

  /** What is behind cannot be read, so that it is as good as gone. */
  async endExtensions(at: number): Promise<void> {
    await this.#step('end the extensions', at, new Uint8Array(ExtensionHead.size));
  }

  async placeRefcounts(offset: number, clusters: number): Promise<void> {
    const bytes = new Uint8Array(12);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(offset));
    view.setUint32(8, clusters);
    await this.#step('point to the new refcounts', HeaderV3.offsetOf.refcountTableOffset, bytes);
  }

  async setIncompatible(features: bigint): Promise<void> {
    await this.#step('unmark the image', HeaderV3.offsetOf.incompatibleFeatures, uint64(features));
  }

  /** As whoever writes has to. @returns what was cleared */
  async clearUnknownAutoclear(): Promise<bigint> {
    const { autoclear } = this.#layout;
    const unknown = autoclear & ~KNOWN_AUTOCLEAR;
    if (unknown === 0n) return 0n;
    const kept = uint64(autoclear & KNOWN_AUTOCLEAR);
    await this.#step('clear unknown features', HeaderV3.offsetOf.autoclearFeatures, kept);
    return unknown;
  }

  /** Bits that nobody here keeps true are cleared, as the format asks of whoever writes. */
  async #setAutoclear(bitmaps: bigint): Promise<void> {
    if (this.#layout.version === 2) return;
    const others = this.#layout.autoclear & Autoclear.rawData;
    await this.#step(
      'vouch for the bitmaps',
      HeaderV3.offsetOf.autoclearFeatures,
      uint64(others | bitmaps),
    );
  }

  async #step(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    const now = await this.#draft.sector(sectorOf(offset));
    const at = offset - sectorOf(offset);
    // Nothing to do is no reason for a phase.
    if (Buffer.compare(now.subarray(at, at + bytes.length), bytes) === 0) return;
    this.#draft.begin(name);
    await this.#draft.set(offset, bytes);
  }
}

function sectorOf(offset: number): number {
  return Math.floor(offset / SECTOR) * SECTOR;
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}
