#!/usr/bin/env node
import { keepCompiled, runOnRecentNode } from '@tidemark/program';

// What is loaded from here on is kept.
keepCompiled();
void runOnRecentNode('tidemarkd', import.meta.url, async () => {
  const { runDaemon } = await import('./daemon.ts');
  await runDaemon(process.argv.slice(2));
});
