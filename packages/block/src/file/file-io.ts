import { read as readFd, write as writeFd } from 'node:fs';
import { TidemarkError } from '@tidemark/core';
import { fromSystemError } from '../io-error.ts';
import type { OpenFile } from './file-system.ts';

/** Moves whole ranges between memory and an open file, however little a system call moves. */
export interface FileIo {
  /** @throws IO_FAILED, also where the file ends before the range does */
  read(target: Uint8Array, offset: number): Promise<void>;
  /** @throws NO_SPACE, IO_FAILED: any part may have been written */
  write(source: Uint8Array, offset: number): Promise<void>;
}

// node:fs refuses 2 GiB and more in a call, and Linux moves a little less than that.
export const MAX_PART = 2 ** 30;

type Callback = (error: Error | null, count: number) => void;
type Step = (done: number, length: number, callback: Callback) => void;

/** Callbacks on the descriptor: half the cost of a promise from node:fs/promises. */
export function descriptorIo(fd: number, where: string): FileIo {
  return {
    read: (target, offset) =>
      transfer(
        target.length,
        (done, length, callback) => readFd(fd, target, done, length, offset + done, callback),
        (done) => endedEarly(where, offset + done),
        where,
      ),
    write: (source, offset) =>
      transfer(
        source.length,
        (done, length, callback) => writeFd(fd, source, done, length, offset + done, callback),
        (done) => nothingWritten(where, offset + done),
        where,
      ),
  };
}

function transfer(
  total: number,
  step: Step,
  stuck: (done: number) => TidemarkError,
  where: string,
): Promise<void> {
  if (total === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let done = 0;
    const next = () => step(done, Math.min(total - done, MAX_PART), onMoved);
    const onMoved: Callback = (error, count) => {
      if (error !== null) {
        reject(fromSystemError(error, where));
        return;
      }
      done += count;
      if (done === total) resolve();
      else if (count === 0) reject(stuck(done));
      else next();
    };
    next();
  });
}

/** For file systems without descriptors of the system, such as memfs. */
export function handleIo(file: OpenFile, where: string): FileIo {
  return {
    async read(target, offset) {
      for (let done = 0; done < target.length;) {
        const length = Math.min(target.length - done, MAX_PART);
        const { bytesRead } = await named(where, file.read(target, done, length, offset + done));
        if (bytesRead === 0) throw endedEarly(where, offset + done);
        done += bytesRead;
      }
    },
    async write(source, offset) {
      for (let done = 0; done < source.length;) {
        const length = Math.min(source.length - done, MAX_PART);
        const { bytesWritten } = await named(
          where,
          file.write(source, done, length, offset + done),
        );
        if (bytesWritten === 0) throw nothingWritten(where, offset + done);
        done += bytesWritten;
      }
    },
  };
}

async function named<T>(where: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw fromSystemError(error, where);
  }
}

/** Also said by whoever else finds that a file is shorter than it was when it was opened. */
export function endedEarly(where: string, offset: number): TidemarkError {
  return new TidemarkError(
    'IO_FAILED',
    `'${where}' ends at ${offset} or before: it was cut short while open`,
    { where, offset, hint: 'find out what else writes the file' },
  );
}

export function nothingWritten(where: string, offset: number): TidemarkError {
  return new TidemarkError('IO_FAILED', `'${where}' takes no more bytes at ${offset}`, {
    where,
    offset,
  });
}
