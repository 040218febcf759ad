import * as nodeFs from 'node:fs/promises';
import { TidemarkError, type ErrorCode, isTidemarkError } from '@tidemark/core';

/** What backups need of an open file. */
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
  stat(): Promise<{ readonly size: number | bigint }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What backups need of a file system: node:fs/promises, memfs, or a wrapper that injects faults. */
export interface FileSystem {
  open(path: string, flags: string): Promise<OpenFile>;
  mkdir(path: string, options: { readonly recursive: boolean }): Promise<string | undefined | void>;
  readdir(path: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  link(existing: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rm(
    path: string,
    options: { readonly recursive: boolean; readonly force: boolean },
  ): Promise<void>;
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'FILE_NOT_FOUND',
  ENOTDIR: 'FILE_NOT_FOUND',
  EEXIST: 'FILE_EXISTS',
  ENOTEMPTY: 'FILE_EXISTS',
  EACCES: 'PERMISSION_DENIED',
  EPERM: 'PERMISSION_DENIED',
  EROFS: 'PERMISSION_DENIED',
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
};

const HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  FILE_NOT_FOUND: 'check the path',
  PERMISSION_DENIED: 'run as a user who may use the directory',
  NO_SPACE: 'make room where the directory is',
};

/** The system's words without its names: `ENOENT: no such file or directory, scandir 'x'`. */
function reasonOf(error: unknown): string {
  const words = error instanceof Error ? /^E\w+: ([^,]+)/.exec(error.message)?.[1] : undefined;
  return words === undefined ? '' : `: ${words}`;
}

/** The name of the system's error, such as ENOENT. */
export function errnoOf(error: unknown): string | undefined {
  const isNamed = error instanceof Error && 'code' in error && typeof error.code === 'string';
  return isNamed ? String(error.code) : undefined;
}

async function named<T>(verb: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (isTidemarkError(cause)) throw cause;
    const code = CODES[errnoOf(cause) ?? ''] ?? 'IO_FAILED';
    const message = `cannot ${verb} '${path}'${reasonOf(cause)}`;
    const hint = HINTS[code];
    throw new TidemarkError(code, message, { where: path, ...(hint && { hint }) }, cause);
  }
}

function withCodes(file: OpenFile, path: string): OpenFile {
  return {
    read: (target, at, length, position) =>
      named('read', path, () => file.read(target, at, length, position)),
    write: (source, at, length, position) =>
      named('write', path, () => file.write(source, at, length, position)),
    stat: () => named('look at', path, () => file.stat()),
    sync: () => named('sync', path, () => file.sync()),
    close: () => named('close', path, () => file.close()),
  };
}

/** The same file system, whose failures are TidemarkErrors that name the path. */
export function withErrorCodes(fs: FileSystem = nodeFs): FileSystem {
  return {
    open: (path, flags) =>
      named('open', path, async () => withCodes(await fs.open(path, flags), path)),
    mkdir: (path, options) => named('make directory', path, () => fs.mkdir(path, options)),
    readdir: (path) => named('list', path, () => fs.readdir(path)),
    rename: (from, to) => named('rename', from, () => fs.rename(from, to)),
    link: (existing, path) => named('link', existing, () => fs.link(existing, path)),
    unlink: (path) => named('remove', path, () => fs.unlink(path)),
    rm: (path, options) => named('remove', path, () => fs.rm(path, options)),
  };
}
