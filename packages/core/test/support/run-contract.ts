import { expect } from 'vitest';
import {
  bitmapStoreContract,
  type ContractOptions,
  type MakeStoreFixture,
} from '../../src/contract/index.ts';

export interface ContractRun {
  readonly cases: readonly string[];
  /** Those of the cases that failed. */
  readonly failed: readonly string[];
}

/** Runs the contract with a runner that only takes notes. */
export async function runContract(
  makeFixture: MakeStoreFixture,
  options: ContractOptions,
): Promise<ContractRun> {
  const bodies = new Map<string, () => Promise<void>>();
  const runner = {
    describe: (_name: string, body: () => void) => body(),
    it: (name: string, body: () => Promise<void>) => bodies.set(name, body),
    expect,
  };
  bitmapStoreContract('noted', runner, makeFixture, options);
  const failed: string[] = [];
  for (const [name, body] of bodies) {
    try {
      await body();
    } catch {
      failed.push(name);
    }
  }
  return { cases: [...bodies.keys()], failed };
}
