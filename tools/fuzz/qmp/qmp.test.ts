import { describe, expect, it } from 'vitest';
import { fuzzQmp } from './run.ts';

describe('QMP, fuzzed', () => {
  it('answers each request of each client, in order, and goes on', async () => {
    expect(await fuzzQmp({ requests: 600, clients: 4, seed: 7 })).toEqual([]);
  }, 120_000);
});
