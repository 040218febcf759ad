import { rm, writeFile } from 'node:fs/promises';
import { TidemarkError } from '@tidemark/core';

/** Whoever waits for the file finds a process that serves. @throws USAGE: it cannot be written */
export async function writePidfile(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  try {
    await writeFile(path, `${process.pid}\n`);
  } catch (cause) {
    const text = `the pidfile '${path}' cannot be written`;
    throw new TidemarkError('USAGE', text, { where: path, hint: 'name another file' }, cause);
  }
}

export async function removePidfile(path: string | undefined): Promise<void> {
  if (path !== undefined) await rm(path, { force: true });
}
