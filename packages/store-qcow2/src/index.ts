export { openQcow2Store, type OpenQcow2StoreOptions } from './open-qcow2-store.ts';
