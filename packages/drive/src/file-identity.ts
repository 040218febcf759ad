import { stat } from 'node:fs/promises';
import { fromSystemError } from '@tidemark/block';

/** Which file a path leads to, whatever its name; undefined where there is none. @throws I/O codes */
export async function fileIdentity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    const problem = fromSystemError(error, path);
    if (problem.code === 'FILE_NOT_FOUND') return undefined;
    throw problem;
  }
}
