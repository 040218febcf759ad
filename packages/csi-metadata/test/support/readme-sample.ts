import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { RepositorySnapshots, serveCsiMetadata } from '@tidemark/csi-metadata';
import { MemoryObjectStore } from '@tidemark/object-store';
import { backUpDrives, createRepository } from '@tidemark/repository';

const repository = await createRepository(new MemoryObjectStore());
const source = new MemoryDevice({ size: 2 ** 30 });
const drive = { id: 'vm-1', label: 'disk of vm-1', format: 'raw' };
const [first] = await backUpDrives({ repository, drives: [{ source, drive }] });
await source.write(new TextEncoder().encode('hello'), 2 ** 20);
const [second] = await backUpDrives({ repository, drives: [{ source, drive }] });

const snapshots = new RepositorySnapshots(repository);
const socket = join(await mkdtemp(join(tmpdir(), 'csi-')), 'csi.sock');
const server = await serveCsiMetadata({ source: snapshots, socket, name: 'csi.example.org' });
// What a client of GetMetadataDelta is told:
const changed = await snapshots.delta(first!.id, second!.id);
for await (const { offset, length } of changed.from(0)) console.log(offset, length, changed.size);
await server.close();
