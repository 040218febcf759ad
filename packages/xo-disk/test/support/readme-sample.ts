import { DiskChain } from '@xen-orchestra/disk-transform';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { TidemarkDisk } from '@tidemark/xo-disk';

const sunday = new MemoryDevice({ size: 2 ** 20 });
await sunday.write(new TextEncoder().encode('one two'), 0);
const monday = new MemoryDevice({ size: 2 ** 20 });
await monday.write(new TextEncoder().encode('one six'), 0);
await monday.write(new TextEncoder().encode('seven'), 131_072);

const bits = new DirtyBitmap(monday.size, 65_536); // of a store: `changesOf(store, 'nightly')`
bits.set(0, 7);
bits.set(131_072, 5);

const full = new TidemarkDisk({ device: sunday });
const increment = new TidemarkDisk({ device: monday, changes: () => bits, parent: () => full });
await increment.init();
console.log(increment.isDifferencing(), increment.getBlockIndexes());

const chain = await DiskChain.openFromChild(increment);
for await (const { index, data } of chain.diskBlocks())
  console.log(index, data.toString('utf8', 0, 7));
