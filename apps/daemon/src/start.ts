import { runOnRecentNode } from '@tidemark/program';
import { runDaemon } from './daemon.ts';

/** Runs the command line of this process. `moduleUrl`: what Node was started with. */
export function start(moduleUrl: string): Promise<void> {
  return runOnRecentNode('tidemarkd', moduleUrl, () => runDaemon(process.argv.slice(2)));
}
