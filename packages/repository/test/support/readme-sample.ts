import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { MemoryObjectStore } from '@tidemark/object-store';
import {
  applyPolicy,
  backUpDrives,
  createRepository,
  forgetPoints,
  openPoint,
  restorePoint,
} from '@tidemark/repository';

const store = new MemoryObjectStore(); // or DirectoryObjectStore, or S3ObjectStore
const repository = await createRepository(store, {
  secret: { kind: 'passphrase', passphrase: 'correct horse battery staple' },
});
const source = new MemoryDevice({ size: 2 ** 30 });
const bitmap = new DirtyBitmap(source.size, 65_536);

let began: string | undefined; // since when the bitmap records; a store keeps it with the bitmap
const run = () =>
  backUpDrives({
    repository,
    drives: [
      {
        source, // must not change meanwhile
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
      },
    ],
  });

await run();
await source.write(new TextEncoder().encode('hello'), 2 ** 20);
bitmap.set(2 ** 20, 5); // what a TrackedDevice of @tidemark/tracking does by itself
const [second] = await run();
console.log(second?.number, second?.manifest.reason, second?.manifest.totals.read);

const target = new MemoryDevice({ size: 2 ** 30 });
const point = await openPoint(repository, { point: 'latest' });
console.log(await restorePoint({ repository, point, target, targetIsZero: true }));

const gone = await forgetPoints(repository, ({ points }) => {
  return applyPolicy(points, { last: 1 }).forgotten;
});
console.log(gone.map(({ number }) => number));
