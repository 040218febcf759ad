export { bitmapStoreContract } from './bitmap-store-contract.ts';
export type { MakeStoreFixture, StoreFixture, TestRunner } from './fixture.ts';
