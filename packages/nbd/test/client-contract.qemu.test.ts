import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { clientContract } from './support/client-contract.ts';
import { operations, runModel } from './support/client-model.ts';
import { referenceKinds } from './support/client-servers.ts';

for (const kind of referenceKinds) {
  describeWithQemu(`a device on ${kind.name}`, [...kind.tools, 'nbdcopy'], () => {
    const dir = tempDir();
    clientContract(kind, dir);

    it('holds what an array of bytes holds, and nbdcopy reads the same', async () => {
      const size = 150_016;
      await using server = await kind.start(dir, { size });
      const copy = join(dir, 'copy.raw');
      let last = new Uint8Array(size);
      {
        await using device = await connectNbd(server.uri);
        const property = fc.asyncProperty(operations(size), async (steps) => {
          last = Uint8Array.from(await runModel(device, steps));
        });
        await fc.assert(property, { numRuns: 15 });
      }
      // Nor may nbdcopy ask for more than the strictest of them takes.
      await run('nbdcopy', '--request-size=65536', server.uri, copy);
      expect(new Uint8Array(await readFile(copy))).toEqual(last);
    });
  });
}
