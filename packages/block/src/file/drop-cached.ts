import { runOnDescriptor } from '../helper/run-on-descriptor.ts';
import type { Tools } from '../helper/tools.ts';

/**
 * Makes reads of an open file show what its disk has. After a write that it could not make Linux
 * keeps the bytes in memory, as if they were on disk, until it needs the room: to everybody who
 * opens the file, a sync that succeeds included. What is still to be written stays.
 * @returns why it could not be done: a clause
 */
export async function dropCached(fd: number, { dd }: Tools): Promise<string | undefined> {
  if (dd === undefined) return 'there is no dd';
  // Reads nothing, and says POSIX_FADV_DONTNEED of the whole file (dd(1), "nocache").
  const args = ['if=/proc/self/fd/3', 'iflag=nocache', 'count=0', 'status=none'];
  const { code, stderr } = await runOnDescriptor(dd, args, fd);
  return code === 0 ? undefined : `dd failed: ${stderr.trim() || `exit code ${code}`}`;
}
