import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointFolder, commitTogether, openCheckpointed } from '@tidemark/checkpoint';
import { DirtyBitmap } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';

const folder = new CheckpointFolder(await mkdtemp(join(tmpdir(), 'checkpoints-')));
const set = randomBytes(16).toString('hex'); // names the checkpoint
const open = async (place: string) =>
  openCheckpointed(await openMemoryStore(new MemoryDisk(2 ** 30)), { folder, place });
const stores = [await open('/vm/system.qcow2'), await open('/vm/data.qcow2')];

const name = 'nightly';
const granularity = 65_536;
const content = new DirtyBitmap(2 ** 30, granularity);
const parts = stores.map((store) => ({
  store,
  changes: [{ op: 'create', name, enabled: true, content, checkpoint: set } as const],
  bitmaps: [{ change: 'put', name, granularity, enabled: true, before: null, after: set } as const],
}));
await commitTogether(parts, { set, folder });
for (const store of stores) {
  const [bitmap] = await store.list();
  console.log(bitmap?.name, bitmap?.checkpoint === set);
}
