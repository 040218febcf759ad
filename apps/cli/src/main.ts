#!/usr/bin/env node
import { runOnRecentNode } from '@tidemark/program';

await runOnRecentNode('tidemark', import.meta.url, async () => {
  const [command, ...words] = process.argv.slice(2);
  if (command === 'img') {
    // Started for each small step of somebody's script: the rest of the program is not loaded.
    const { img } = await import('./commands/img.ts');
    await img(words);
    return;
  }
  if (command === 'nbd') {
    const { nbd } = await import('./commands/nbd.ts');
    await nbd(words);
    return;
  }
  const { runCli } = await import('./cli.ts');
  await runCli(process.argv.slice(2));
});
