import type { ObjectWriter } from '../object-store.ts';
import { errnoOf, type FileSystem, type OpenFile } from './file-system.ts';
import { systemError } from './system-error.ts';

export interface NewFileOptions {
  /** Ahead of all: the file's folder is there. */
  readonly prepare: () => Promise<void>;
  /** Behind all: the content is durable, and gets its name. @returns false: the name was taken */
  readonly place: (key: string) => Promise<boolean>;
}

/** A file under a name that nobody reads, written piece by piece; its own name is its commit point. */
export class NewFile implements ObjectWriter {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #options: NewFileOptions;
  #file: Promise<OpenFile> | undefined;
  /** Resolves, whatever became of them, when all writes so far have ended; the next one begins then. */
  #last: Promise<void> = Promise.resolve();
  #end = 0;
  #isClosed = false;
  #isGone = false;
  #failure: { readonly cause: unknown } | undefined;

  constructor(fs: FileSystem, path: string, options: NewFileOptions) {
    this.#fs = fs;
    this.#path = path;
    this.#options = options;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const at = this.#end;
    this.#end += bytes.length;
    // A file is written by one at a time: others would keep a processor busy with waiting for its lock.
    const write = this.#last.then(async () => this.#write(bytes, at));
    this.#last = write.catch((cause: unknown) => {
      this.#failure ??= { cause };
    });
    await write;
  }

  async #write(bytes: Uint8Array, at: number): Promise<void> {
    try {
      const file = await this.#open();
      for (let done = 0; done < bytes.length;) {
        const left = bytes.length - done;
        done += (await file.write(bytes, done, left, at + done)).bytesWritten;
      }
    } catch (error) {
      throw systemError(error, this.#path);
    }
  }

  async #open(): Promise<OpenFile> {
    this.#file ??= this.#options.prepare().then(async () => this.#fs.open(this.#path, 'wx'));
    return this.#file;
  }

  async finish(key: string): Promise<boolean> {
    try {
      await this.#last;
      if (this.#failure !== undefined) throw this.#failure.cause;
      await (await this.#open()).sync();
      await this.#close();
      return await this.#options.place(key);
    } catch (error) {
      throw systemError(error, this.#path);
    } finally {
      await this.abandon();
    }
  }

  async abandon(): Promise<void> {
    await this.#last;
    if (this.#file === undefined || this.#isGone) return;
    // Whatever has failed was told already.
    await this.#close().catch(() => {});
    await this.#fs.unlink(this.#path).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw systemError(error, this.#path);
    });
    this.#isGone = true;
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const file = await this.#file;
    await file?.close();
  }
}
