import { connectNbd } from '@tidemark/nbd';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { clientContract } from './support/client-contract.ts';
import { operations, runModel } from './support/client-model.ts';
import { ownKind } from './support/client-servers.ts';

describe(`a device on ${ownKind.name}`, () => {
  const dir = tempDir();
  clientContract(ownKind, dir);

  it('holds what an array of bytes holds after the same calls', async () => {
    const size = 150_000;
    await using server = await ownKind.start(dir, { size });
    await using device = await connectNbd(server.uri);
    const property = fc.asyncProperty(operations(size), async (steps) => {
      await runModel(device, steps);
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
