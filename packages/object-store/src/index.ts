export {
  DirectoryObjectStore,
  type DirectoryObjectStoreOptions,
} from './directory/directory-store.ts';
export { checkKey, checkPrefix, isKey } from './keys.ts';
export { MemoryObjectStore, type MemoryObjectStoreOptions } from './memory-store.ts';
export type {
  ObjectRange,
  ObjectStore,
  ObjectWriter,
  Reference,
  StoredObject,
} from './object-store.ts';
export { NumberedReferences } from './numbered-references.ts';
