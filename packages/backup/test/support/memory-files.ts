import { createFsFromVolume, Volume } from 'memfs';
import type { FileSystem, OpenFile } from '../../src/files/file-system.ts';

/** A file system in memory, and its files for a test to look at and to damage. */
export function memoryFiles(): { fs: FileSystem; volume: Volume } {
  const volume = new Volume();
  const { promises } = createFsFromVolume(volume);
  const fs: FileSystem = {
    ...promises,
    mkdir: async (path, options) => await promises.mkdir(path, options),
    readdir: async (path) => (await promises.readdir(path)).map(String),
    async open(path, flags) {
      const file = await promises.open(path, flags);
      // memfs has `sync`, but its types do not say so.
      return Object.assign(file, { sync: async () => await file.datasync() });
    },
  };
  return { fs, volume };
}

export interface Call {
  readonly name: string;
  readonly path: string;
}

/** Calls `before` ahead of each call to a file system or an open file; it may throw. */
export function watched(fs: FileSystem, before: (call: Call) => void): FileSystem {
  const watchFile = (file: OpenFile, path: string): OpenFile => ({
    async read(...args) {
      before({ name: 'read', path });
      return await file.read(...args);
    },
    async write(...args) {
      before({ name: 'write', path });
      return await file.write(...args);
    },
    async stat() {
      before({ name: 'stat', path });
      return await file.stat();
    },
    async sync() {
      before({ name: 'sync', path });
      await file.sync();
    },
    async close() {
      // A dead process's descriptors are closed all the same.
      await file.close();
    },
  });
  return {
    async open(path, flags) {
      before({ name: 'open', path });
      return watchFile(await fs.open(path, flags), path);
    },
    async mkdir(path, options) {
      before({ name: 'mkdir', path });
      return await fs.mkdir(path, options);
    },
    async readdir(path) {
      before({ name: 'readdir', path });
      return await fs.readdir(path);
    },
    async rename(from, to) {
      before({ name: 'rename', path: `${from} ${to}` });
      await fs.rename(from, to);
    },
    async link(existing, path) {
      before({ name: 'link', path });
      await fs.link(existing, path);
    },
    async unlink(path) {
      before({ name: 'unlink', path });
      await fs.unlink(path);
    },
    async rm(path, options) {
      before({ name: 'rm', path });
      await fs.rm(path, options);
    },
  };
}

/** Whatever a directory holds, as path and content. */
export function snapshot(volume: Volume): Readonly<Record<string, string | null>> {
  return volume.toJSON(undefined, {}, false);
}
