/** What is asked of a file's status. */
export interface FileStatus {
  readonly size: number | bigint;
  readonly rdev: number | bigint;
  isFile(): boolean;
  isBlockDevice(): boolean;
}

/** What is asked of an open file; node:fs/promises and memfs both give it. */
export interface OpenFile {
  readonly fd: number;
  read(
    target: Uint8Array,
    at: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  write(
    source: Uint8Array,
    at: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  stat(): Promise<FileStatus>;
  truncate(size: number): Promise<void>;
  datasync(): Promise<void>;
  /** Without it `datasync` has to do, which makes a new size durable too (fdatasync(2)). */
  sync?(): Promise<void>;
  /** Sets the times of last access and change of content (futimens(3)). */
  utimes?(accessed: Date, changed: Date): Promise<void>;
  close(): Promise<void>;
}

/** The part of `node:fs/promises` that a file device stands on. */
export interface FileSystem {
  open(path: string, flags: string | number): Promise<OpenFile>;
  stat(path: string): Promise<FileStatus>;
  unlink(path: string): Promise<void>;
}
