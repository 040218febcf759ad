#!/usr/bin/env node
import { runOnRecentNode } from '@tidemark/program';

await runOnRecentNode('tidemarkd', import.meta.url, async () => {
  const { runDaemon } = await import('./daemon.ts');
  await runDaemon(process.argv.slice(2));
});
