export { objectStoreContract, type ContractRunner } from './object-store-contract.ts';
