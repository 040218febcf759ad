export { MemoryDisk } from './memory-disk.ts';
export { openMemoryStore, type MemoryStoreOptions } from './open-memory-store.ts';
