import { formatSize } from '@tidemark/program';

/** Follows long work. Draws a bar on stderr when that is a terminal, else nothing at all. */
export interface Progress {
  update(doneBytes: number, totalBytes: number): void;
  stop(): void;
}

const SILENT: Progress = { update() {}, stop() {} };

/** `label` says what is being done, for example `backup`. */
export async function startProgress(label: string): Promise<Progress> {
  if (!process.stderr.isTTY) return SILENT;
  const { default: bars } = await import('cli-progress');
  const bar = new bars.SingleBar({
    format: `${label} [{bar}] {percentage}% | {done} of {all} | {eta_formatted} left`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 30,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  let isStarted = false;
  return {
    update(doneBytes, totalBytes) {
      const payload = { done: formatSize(doneBytes), all: formatSize(totalBytes) };
      if (!isStarted) bar.start(totalBytes, 0, payload);
      isStarted = true;
      bar.setTotal(totalBytes);
      bar.update(doneBytes, payload);
    },
    stop() {
      if (isStarted) bar.stop();
    },
  };
}
