import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryObjectStore } from '@tidemark/object-store';

await using store = new DirectoryObjectStore(await mkdtemp(join(tmpdir(), 'objects-')));
await store.putIfAbsent('greetings/1', new TextEncoder().encode('hello'));
const version = await store.swapReference('newest', undefined, new TextEncoder().encode('1'));
console.log(version, await store.swapReference('newest', undefined, new Uint8Array()));
