import type { BlockDevice } from '@tidemark/block';
import { type DirtyBitmap, TidemarkError } from '@tidemark/core';
import { MAX_STRING_BYTES } from '../protocol/limits.ts';
import type { BlockSizes } from './block-sizes.ts';

/** One bitmap of an export. A bitmap that is removed and added again is another object. */
export interface NbdBitmap {
  readonly name: string;
  /**
   * The bits as they are now, on the device's size or more. Asked for each block status, so it is
   * to be cheap; a bitmap at rest may be read when it is first asked for. The server changes nothing.
   * @throws BITMAP_NOT_FOUND once it is removed, even if another has its name by then
   */
  content(): DirtyBitmap | Promise<DirtyBitmap>;
}

/** A disk that is served under a name. The server does not close the device. */
export interface NbdExport {
  /** May be empty: the default export. At most 4096 bytes of UTF-8, as the description. */
  readonly name: string;
  readonly description?: string;
  readonly device: BlockDevice;
  /** Default: the opposite of `device.writable`. */
  readonly readOnly?: boolean;
  /** What requests have to keep to. Default: any offset and length, up to 32 MiB of data. */
  readonly blockSize?: Partial<BlockSizes>;
  /**
   * Whether the device takes what keeps to no block size, too. Clients that do not ask for block sizes
   * are served then, and keep to none. Default false: they are turned away where there is one.
   */
  readonly takesAnyBlock?: boolean;
  /**
   * Bytes. Holes that are smaller are sent as zeros where a client reads them. Default 65536; less suits
   * a device that knows them without a look at the disk.
   */
  readonly smallestHole?: number;
  /** Whether clients are told that they may come over several connections at once. Default true. */
  readonly multiConn?: boolean;
  /**
   * False: what clients give up keeps its content and its space; TRIM is offered, and does nothing.
   * Default true.
   */
  readonly discards?: boolean;
  /** Whether `qemu:allocation-depth` is offered. Default false. */
  readonly allocationDepth?: boolean;
  /** Asked whenever a client asks for contexts: bitmaps come and go while we serve. */
  readonly bitmaps?: () => readonly NbdBitmap[] | Promise<readonly NbdBitmap[]>;
}

/** @throws USAGE: a name twice, or a text that is too long for the protocol */
export function checkExports(
  exports: readonly { readonly name: string; readonly description?: string | undefined }[],
): void {
  const names = new Set<string>();
  for (const { name, description = '' } of exports) {
    if (names.has(name)) {
      throw new TidemarkError('USAGE', `two exports have the name '${name}'`, {
        hint: 'give each export a name of its own',
      });
    }
    names.add(name);
    if (Math.max(Buffer.byteLength(name), Buffer.byteLength(description)) <= MAX_STRING_BYTES) {
      continue;
    }
    throw new TidemarkError(
      'USAGE',
      `the name or description of export '${name.slice(0, 40)}' is too long`,
      {
        hint: `use at most ${MAX_STRING_BYTES} bytes`,
      },
    );
  }
}
