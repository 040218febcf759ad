import {
  type Stats,
  close,
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstat,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncate,
  ftruncateSync,
  futimes,
  futimesSync,
  open,
  openSync,
  read,
  stat,
  statSync,
  statfs,
  statfsSync,
  unlink,
  unlinkSync,
  write,
} from 'node:fs';
import type { FileSystem, OpenFile } from './file-system.ts';

type Callback<T> = (error: Error | null, value: T) => void;

/** What `node:fs/promises` does, without it: it takes as long to load as a short program works. */
export const SYSTEM_FILES: FileSystem = {
  open: async (path, flags) => new SystemFile(await result((done) => open(path, flags, done))),
  stat: (path) => result<Stats>((done) => stat(path, done)),
  unlink: (path) => result<void>((done) => unlink(path, withoutValue(done))),
};

/** The same in the tick of the call: no thread takes part, which costs more than most of the calls. */
export const WAITING_FILES: FileSystem = {
  open: async (path, flags) => new WaitingFile(openSync(path, flags)),
  stat: async (path) => statSync(path),
  unlink: async (path) => unlinkSync(path),
};

/** One of `WAITING_FILES` that is open already. */
export const openedFile = (fd: number): OpenFile => new WaitingFile(fd);

class SystemFile implements OpenFile {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  async read(target: Uint8Array, at: number, length: number, position: number) {
    const bytesRead = await result<number>((done) =>
      read(this.fd, target, at, length, position, done),
    );
    return { bytesRead };
  }

  async write(source: Uint8Array, at: number, length: number, position: number) {
    const bytesWritten = await result<number>((done) =>
      write(this.fd, source, at, length, position, done),
    );
    return { bytesWritten };
  }

  stat(): Promise<Stats> {
    return result((done) => fstat(this.fd, done));
  }

  truncate(size: number): Promise<void> {
    return result((done) => ftruncate(this.fd, size, withoutValue(done)));
  }

  datasync(): Promise<void> {
    return result((done) => fdatasync(this.fd, withoutValue(done)));
  }

  sync(): Promise<void> {
    return result((done) => fsync(this.fd, withoutValue(done)));
  }

  utimes(accessed: Date, changed: Date): Promise<void> {
    return result((done) => futimes(this.fd, accessed, changed, withoutValue(done)));
  }

  close(): Promise<void> {
    return result((done) => close(this.fd, withoutValue(done)));
  }
}

class WaitingFile extends SystemFile {
  override async stat(): Promise<Stats> {
    return fstatSync(this.fd);
  }

  override async truncate(size: number): Promise<void> {
    ftruncateSync(this.fd, size);
  }

  override async datasync(): Promise<void> {
    fdatasyncSync(this.fd);
  }

  override async sync(): Promise<void> {
    fsyncSync(this.fd);
  }

  override async utimes(accessed: Date, changed: Date): Promise<void> {
    futimesSync(this.fd, accessed, changed);
  }

  override async close(): Promise<void> {
    closeSync(this.fd);
  }
}

/** The type of its file system, as statfs(2) names it. `waits`: in the tick of the call. */
export async function fileSystemType(path: string, waits = false): Promise<number> {
  if (waits) return statfsSync(path).type;
  const { type } = await result<{ readonly type: number }>((done) => statfs(path, done));
  return type;
}

function result<T>(call: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });
}

/** Some tell no error with null, others with undefined. */
function withoutValue(done: Callback<void>): (error?: Error | null) => void {
  return (error) => done(error ?? null);
}
