export { type FaultOptions, FaultObjectStore, type StoreCall } from './fault-store.ts';
