import { writeSync } from 'node:fs';
import { runImg } from '@tidemark/img';

/** Runs a command line of `qemu-img` and leaves its exit code in `process.exitCode`. */
export async function img(words: readonly string[]): Promise<void> {
  process.exitCode = await runImg(words, {
    out: (text) => write(1, text),
    err: (text) => write(2, text),
  });
}

/** At once, and without the streams of Node, which take their time to load. */
function write(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      // The reader has seen enough, as head(1) does.
      if (code === 'EPIPE') process.exit(0);
      if (code !== 'EAGAIN') {
        // Standard error may be what cannot be written.
        if (fd === 1) write(2, `tidemark img: standard output: ${String(error)}\n`);
        process.exit(1);
      }
      // A pipe that somebody else made non-blocking is full.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
