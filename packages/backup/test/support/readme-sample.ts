import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backup, restore } from '@tidemark/backup';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';

const source = new MemoryDevice({ size: 2 ** 30 });
const bitmap = new DirtyBitmap(source.size, 65_536);
const target = await mkdtemp(join(tmpdir(), 'backups-'));

let began: string | undefined; // since when the bitmap records; a store keeps it with the bitmap
const run = () =>
  backup({
    source, // must not change meanwhile
    target,
    drive: { id: 'vm-1', label: 'disk of vm-1', format: 'raw' },
    bitmap: {
      name: 'nightly',
      content: bitmap.clone(),
      checkpoint: began,
      onDurable: async (checkpoint) => {
        bitmap.clear(); // a stored one is stored here, together with the checkpoint
        began = checkpoint;
      },
    },
  });

await run();
await source.write(new TextEncoder().encode('hello'), 2 ** 20);
bitmap.set(2 ** 20, 5); // what a TrackedDevice of @tidemark/tracking does by itself
const { point, manifest, bytesRead } = await run();
console.log(point, manifest.reason, bytesRead);

const copy = new MemoryDevice({ size: 2 ** 30 });
console.log(await restore({ directory: target, target: copy, targetIsZero: true }));
