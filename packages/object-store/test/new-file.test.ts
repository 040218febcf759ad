import * as nodeFs from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { DirectoryObjectStore } from '../src/index.ts';

const PIECE = 65_536;

const dir = tempDir();

it('an object is written by one at a time, in order, however much is handed in at once', async () => {
  let underWay = 0;
  let most = 0;
  const places: number[] = [];
  const fs = {
    ...nodeFs,
    open: async (path: string, flags: string) => {
      const file = await nodeFs.open(path, flags);
      const write = file.write.bind(file);
      return Object.assign(file, {
        write: async (source: Uint8Array, at: number, length: number, position: number) => {
          underWay += 1;
          most = Math.max(most, underWay);
          places.push(position);
          const result = await write(source, at, length, position);
          underWay -= 1;
          return result;
        },
      });
    },
  };
  const store = new DirectoryObjectStore(dir, { fs });
  const object = store.newObject();
  const pieces = [1, 2, 3, 4, 5].map((byte) => Buffer.alloc(PIECE, byte));
  await Promise.all(pieces.map(async (piece) => object.append(piece)));
  await object.finish('object');
  expect(most).toBe(1);
  expect(places).toEqual(pieces.map((_, number) => number * PIECE));
  expect((await nodeFs.readFile(join(dir, 'object'))).equals(Buffer.concat(pieces))).toBe(true);
});
