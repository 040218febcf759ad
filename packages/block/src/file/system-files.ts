import {
  type Stats,
  close,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  futimes,
  open,
  read,
  stat,
  statfs,
  unlink,
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

/** The type of its file system, as statfs(2) names it. */
export async function fileSystemType(path: string): Promise<number> {
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
