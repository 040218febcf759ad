import { fromSystemError } from '@tidemark/block';
import { writeNow } from './write-now.ts';

/**
 * Writes to standard output (1) or standard error (2). All that a command changes is durable before
 * it prints, so nothing is cut off where output has nowhere to go.
 * @throws NO_SPACE, IO_FAILED: of standard output
 */
export function say(fd: 1 | 2, text: string): void {
  try {
    writeNow(fd, text);
  } catch (error) {
    // Nobody can be told of standard error.
    if (fd === 1) throw fromSystemError(error, 'standard output');
  }
}
