import { type Progress, startProgress } from './progress.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs work that shows how far it is, and that a signal ends in order: it is told, cleans up, and
 * fails with CANCELLED. A second signal changes nothing: it must not cut the cleaning up short.
 */
export async function longWork<T>(
  label: string,
  work: (signal: AbortSignal, progress: Progress) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const cancel = () => controller.abort();
  for (const name of SIGNALS) process.on(name, cancel);
  const progress = await startProgress(label);
  try {
    return await work(controller.signal, progress);
  } finally {
    progress.stop();
    for (const name of SIGNALS) process.removeListener(name, cancel);
  }
}
