import { type Ended, runOnDescriptor } from '../helper/run-on-descriptor.ts';
import type { Tools } from '../helper/tools.ts';
import { type HoleMaker, type Outcome, PUNCH_HOLE } from './hole-maker.ts';

// Both programs open a path; this one leads to the file we hold, whatever its name is by now.
const OUR_FILE = '/proc/self/fd/3';

const UNSUPPORTED = /not supported|not implemented|invalid argument|inappropriate ioctl/i;

/** A process for each call: where perl is missing, or runs on a processor whose numbers we lack. */
export function utilLinux(fd: number, { fallocate, blkdiscard }: Tools): HoleMaker {
  return {
    async fallocate(mode, offset, length) {
      if (fallocate === undefined) return 'unsupported';
      const verb = (mode & PUNCH_HOLE) === 0 ? '--zero-range' : '--punch-hole';
      const range = ['--offset', String(offset), '--length', String(length)];
      return outcome(
        await runOnDescriptor(fallocate, [verb, '--keep-size', ...range, OUR_FILE], fd),
      );
    },
    async discard(offset, length) {
      if (blkdiscard === undefined) return 'unsupported';
      // By force: it would ask for the device exclusively, which we hold ourselves.
      const range = ['--offset', String(offset), '--length', String(length)];
      return outcome(await runOnDescriptor(blkdiscard, ['--force', ...range, OUR_FILE], fd));
    },
  };
}

function outcome({ code, stderr }: Ended): Outcome {
  if (code === 0) return 'done';
  if (UNSUPPORTED.test(stderr)) return 'unsupported';
  return new Error(stderr.trim() === '' ? `exit code ${code}` : stderr.trim());
}
