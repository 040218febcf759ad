import type { ImageState } from '../image-state.ts';
import type { BackingFile } from './backing-file.ts';
import { CompressedWriter } from './compressed-writer.ts';
import { Preallocator } from './preallocator.ts';
import { Reader } from './reader.ts';
import { Resizer } from './resizer.ts';
import { Writer } from './writer.ts';
import { Zeroer } from './zeroer.ts';

/** What reads and changes an image's disk. Each is made when it is first used: bitmaps need none of them. */
export class DiskParts {
  readonly #state: ImageState;
  readonly #backing: BackingFile;
  #reader: Reader | undefined;
  #writer: Writer | undefined;
  #compressedWriter: CompressedWriter | undefined;
  #zeroer: Zeroer | undefined;
  #preallocator: Preallocator | undefined;
  #resizer: Resizer | undefined;

  constructor(state: ImageState, backing: BackingFile) {
    this.#state = state;
    this.#backing = backing;
  }

  get reader(): Reader {
    return (this.#reader ??= new Reader(this.#state, this.#backing));
  }
  get writer(): Writer {
    return (this.#writer ??= new Writer(this.#state, this.reader));
  }
  get compressedWriter(): CompressedWriter {
    return (this.#compressedWriter ??= new CompressedWriter(this.#state, this.writer));
  }
  get zeroer(): Zeroer {
    return (this.#zeroer ??= new Zeroer(this.#withWriter));
  }
  get preallocator(): Preallocator {
    return (this.#preallocator ??= new Preallocator(this.#withWriter));
  }
  get resizer(): Resizer {
    return (this.#resizer ??= new Resizer({
      state: this.#state,
      zeroer: this.zeroer,
      backing: this.#backing,
    }));
  }

  get #withWriter() {
    return { state: this.#state, writer: this.writer, backing: this.#backing };
  }
}
