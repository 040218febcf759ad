export { bitmapStoreContract } from './bitmap-store-contract.ts';
export type { ContractOptions, MakeStoreFixture, StoreFixture, TestRunner } from './fixture.ts';
