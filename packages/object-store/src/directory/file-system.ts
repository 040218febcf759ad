import * as nodeFs from 'node:fs/promises';

/** What a store needs of an open file. */
export interface OpenFile {
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
  stat(): Promise<{ readonly size: number; readonly mtimeMs: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What it needs of a file system: node:fs/promises, or a wrapper that injects faults. */
export interface FileSystem {
  open(path: string, flags: string): Promise<OpenFile>;
  stat(path: string): Promise<{ readonly size: number; readonly mtimeMs: number }>;
  mkdir(path: string): Promise<unknown>;
  readdir(path: string): Promise<string[]>;
  link(existing: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export const systemFiles: FileSystem = nodeFs;

/** The system's name of a failure, such as ENOENT. */
export function errnoOf(error: unknown): string | undefined {
  const isNamed = error instanceof Error && 'code' in error && typeof error.code === 'string';
  return isNamed ? String(error.code) : undefined;
}

/** The bytes of a file from `position`, as many as there are and at most `length`. */
export async function readSome(
  file: OpenFile,
  position: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
