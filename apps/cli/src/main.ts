#!/usr/bin/env node
import { runOnRecentNode } from '@tidemark/program';

await runOnRecentNode('tidemark', import.meta.url, async () => {
  const { runCli } = await import('./cli.ts');
  await runCli(process.argv.slice(2));
});
