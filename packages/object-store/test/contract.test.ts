import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { objectStoreContract } from '../src/contract/index.ts';
import { DirectoryObjectStore, MemoryObjectStore } from '../src/index.ts';

const runner = { describe, it, expect };
const dir = tempDir();

objectStoreContract('memory', runner, async () => new MemoryObjectStore());
objectStoreContract('directory', runner, async () => {
  return new DirectoryObjectStore(join(mkdtempSync(join(dir, 'store-')), 'made', 'at', 'need'));
});
