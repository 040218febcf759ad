import type { BlockDevice } from '@tidemark/block';
import { ExportFlag } from '../protocol/transmission.ts';
import { KnownData } from './known-data.ts';
import { contextsOf, type MetaContext } from './meta-context.ts';
import type { NbdExport } from './nbd-export.ts';

/** An export with what the server knows and says of it, for all of its clients. */
export class ServedExport {
  readonly name: string;
  readonly description: string | undefined;
  readonly device: BlockDevice;
  readonly isReadOnly: boolean;
  readonly knownData = new KnownData();
  readonly #exported: NbdExport;

  constructor(exported: NbdExport) {
    const { name, description, device, readOnly = false } = exported;
    this.name = name;
    this.description = description;
    this.device = device;
    this.isReadOnly = readOnly || !device.writable;
    this.#exported = exported;
  }

  /** What a client is told that it may do. DF comes with structured replies. */
  flags(isStructured: boolean): number {
    // MULTI_CONN: a flush covers what came over any connection.
    let flags =
      ExportFlag.HAS_FLAGS |
      ExportFlag.FLUSH |
      ExportFlag.FUA |
      ExportFlag.MULTI_CONN |
      ExportFlag.CACHE;
    if (isStructured) flags |= ExportFlag.DF;
    if (this.isReadOnly) return flags | ExportFlag.READ_ONLY;
    if (this.device.canDiscard) flags |= ExportFlag.TRIM;
    // Not FAST_ZERO: a device does not say beforehand whether it has zeros without writing them.
    return flags | ExportFlag.WRITE_ZEROES;
  }

  /** All that it offers now, in the order of replies. */
  contexts(): Promise<readonly MetaContext[]> {
    return contextsOf(this.#exported);
  }
}
