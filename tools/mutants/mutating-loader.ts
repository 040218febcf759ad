// Breaks a source while Node loads it (node --import).
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { mutated, mutatedFile } from './mutant-of-this-run.ts';

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:') || fileURLToPath(url) !== mutatedFile) return loaded;
    return { ...loaded, source: mutated(readFileSync(mutatedFile, 'utf8')) };
  },
});
