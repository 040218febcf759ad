import { readSync, writeSync } from 'node:fs';
import { fromSystemError } from '../io-error.ts';
import { endedEarly, type FileIo, MAX_PART, nothingWritten } from './file-io.ts';

/**
 * Reads and writes of a descriptor in the tick of the call, however long they wait: no thread takes
 * part, which costs more than most of the calls.
 */
export function waitingIo(fd: number, where: string): FileIo {
  return {
    async read(target, offset) {
      for (let done = 0; done < target.length;) {
        const length = Math.min(target.length - done, MAX_PART);
        const count = moved(where, () => readSync(fd, target, done, length, offset + done));
        if (count === 0) throw endedEarly(where, offset + done);
        done += count;
      }
    },
    async write(source, offset) {
      for (let done = 0; done < source.length;) {
        const length = Math.min(source.length - done, MAX_PART);
        const count = moved(where, () => writeSync(fd, source, done, length, offset + done));
        if (count === 0) throw nothingWritten(where, offset + done);
        done += count;
      }
    },
  };
}

function moved(where: string, call: () => number): number {
  try {
    return call();
  } catch (error) {
    throw fromSystemError(error, where);
  }
}
