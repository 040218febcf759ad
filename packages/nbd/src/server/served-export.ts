import type { BlockDevice } from '@tidemark/block';
import { ExportFlag } from '../protocol/transmission.ts';
import { type BlockSizes, completeBlockSizes } from './block-sizes.ts';
import { ExportCounters } from './export-counters.ts';
import { KnownData } from './known-data.ts';
import { contextsOf, type MetaContext } from './meta-context.ts';
import type { NbdExport } from './nbd-export.ts';

// To ask for holes costs about as much as to read this much, and so does one more chunk.
const SMALLEST_HOLE = 64 * 1024;

/** An export with what the server knows and says of it, for all of its clients. */
export class ServedExport {
  readonly name: string;
  readonly description: string | undefined;
  readonly device: BlockDevice;
  readonly isReadOnly: boolean;
  /** Whether space is given back. */
  readonly discards: boolean;
  /** What requests have to keep to. */
  readonly blockSize: BlockSizes;
  /** Bytes. Smaller ones are sent as data. */
  readonly smallestHole: number;
  /** Whether clients that know of no block sizes may come. */
  readonly takesAnyBlock: boolean;
  readonly knownData = new KnownData();
  readonly counters = new ExportCounters();
  readonly #exported: NbdExport;

  constructor(exported: NbdExport) {
    const { name, description, device, readOnly = false, blockSize, discards = true } = exported;
    const { smallestHole = SMALLEST_HOLE, takesAnyBlock = false } = exported;
    this.name = name;
    this.description = description;
    this.device = device;
    this.isReadOnly = readOnly || !device.writable;
    this.discards = discards;
    this.blockSize = completeBlockSizes(blockSize);
    this.smallestHole = smallestHole;
    this.takesAnyBlock = takesAnyBlock || this.blockSize.minimum === 1;
    this.#exported = exported;
  }

  /**
   * What a client is told that it may do. DF comes with structured replies; `canFilter`: it may
   * name the contexts that a block status is to tell of.
   */
  flags({
    isStructured,
    canFilter,
  }: {
    readonly isStructured: boolean;
    readonly canFilter: boolean;
  }): number {
    let flags = ExportFlag.HAS_FLAGS | ExportFlag.FLUSH | ExportFlag.FUA | ExportFlag.CACHE;
    // A flush covers what came over any connection.
    if (this.#exported.multiConn !== false) flags |= ExportFlag.MULTI_CONN;
    if (isStructured) flags |= ExportFlag.DF;
    if (canFilter) flags |= ExportFlag.BLOCK_STATUS_PAYLOAD;
    if (this.isReadOnly) return flags | ExportFlag.READ_ONLY;
    if (this.device.canDiscard || !this.discards) flags |= ExportFlag.TRIM;
    return flags | ExportFlag.WRITE_ZEROES | ExportFlag.FAST_ZERO;
  }

  /** All that it offers now, in the order of replies. */
  contexts(): Promise<readonly MetaContext[]> {
    return contextsOf(this.#exported);
  }
}
