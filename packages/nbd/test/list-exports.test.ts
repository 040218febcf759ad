import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { afterEach, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { listNbdExports, NbdExportFlag, type NbdServer, startNbdServer } from '../src/index.ts';

const MIB = 2 ** 20;
const dir = tempDir();
let count = 0;
let server: NbdServer;

afterEach(() => server.close());

it('lists what a server has: names, sizes, what they can do, contexts', async () => {
  const path = join(dir, `s${count++}`);
  const bitmap = new DirtyBitmap(MIB, 65_536);
  const long = 'd'.repeat(4096);
  server = await startNbdServer({
    address: { type: 'unix', path },
    exports: [
      { name: '', device: new MemoryDevice({ size: MIB }), multiConn: false },
      {
        name: 'n'.repeat(4096),
        description: long,
        device: new MemoryDevice({ size: 2 * MIB, writable: false }),
        allocationDepth: true,
        bitmaps: () => [{ name: 'b', content: () => bitmap }],
        blockSize: { minimum: 512 },
      },
    ],
  });
  const [first, second, ...more] = await listNbdExports({ type: 'unix', path });
  expect(more).toEqual([]);
  expect(first).toMatchObject({ name: '', size: BigInt(MIB), contexts: ['base:allocation'] });
  expect(first).not.toHaveProperty('description');
  expect(first!.flags & (NbdExportFlag.MULTI_CONN | NbdExportFlag.READ_ONLY)).toBe(0);
  expect(second).toMatchObject({
    name: 'n'.repeat(4096),
    description: long,
    blockSize: { minimum: 512 },
    contexts: ['base:allocation', 'qemu:allocation-depth', 'qemu:dirty-bitmap:b'],
  });
  const { MULTI_CONN, READ_ONLY } = NbdExportFlag;
  expect(second!.flags & (MULTI_CONN | READ_ONLY)).toBe(MULTI_CONN | READ_ONLY);
});
