import { EXIT_CANCELLED } from '@tidemark/program';
import { type Progress, startProgress } from './progress.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal's Ctrl-C comes twice where we run under another Node, see runOnRecentNode. */
const SIGNALS_OF_ONE_WISH = 2;

/**
 * Runs work that shows how far it is, and that a signal ends in order: it is told, cleans up, and
 * fails with CANCELLED. Who asks again does not want to wait for that.
 */
export async function longWork<T>(
  label: string,
  work: (signal: AbortSignal, progress: Progress) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let signals = 0;
  const cancel = (name: NodeJS.Signals) => {
    signals += 1;
    controller.abort(new Error(`by ${name}`));
    if (signals > SIGNALS_OF_ONE_WISH) process.exit(EXIT_CANCELLED);
  };
  for (const name of SIGNALS) process.on(name, cancel);
  const progress = await startProgress(label);
  try {
    return await work(controller.signal, progress);
  } finally {
    progress.stop();
    for (const name of SIGNALS) process.removeListener(name, cancel);
  }
}
