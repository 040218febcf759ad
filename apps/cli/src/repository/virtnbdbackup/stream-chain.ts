import { readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TidemarkError } from '@tidemark/core';
import { readStreamMeta, type StreamMeta } from './stream-file.ts';

/** Files of a directory that are looked at. */
const MAX_FILES = 10_000;

/**
 * The files of a backup by virtnbdbackup, from the full one to the one that is named: each says at which
 * checkpoint it was made, and at which the one before. They lie in one directory.
 * @throws BACKUP_PARENT_MISMATCH: one is missing, or more than one could be it; IMAGE_CORRUPT
 */
export async function streamChain(top: string): Promise<readonly string[]> {
  const path = await realpath(top);
  const named = await readStreamMeta(path);
  const others = await streamsBeside(path, named.diskName);
  const chain = [path];
  for (let meta = named; meta.incremental;) {
    const below = others.filter(
      (other) => !chain.includes(other.path) && other.meta.checkpointName === meta.parentCheckpoint,
    );
    if (below.length !== 1) throw broken(chain[0]!, String(meta.parentCheckpoint), below.length);
    chain.unshift(below[0]!.path);
    meta = below[0]!.meta;
  }
  return chain;
}

async function streamsBeside(path: string, diskName: string) {
  const folder = dirname(path);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.data')).toSorted();
  if (names.length > MAX_FILES) {
    throw new TidemarkError('USAGE', `'${folder}' has more than ${MAX_FILES} files`, {
      where: folder,
      hint: 'put those of one backup into a folder of their own',
    });
  }
  const streams: { readonly path: string; readonly meta: StreamMeta }[] = [];
  for (const name of names) {
    const other = join(folder, name);
    if (other === path || !name.startsWith(`${diskName}.`)) continue;
    streams.push({ path: other, meta: await readStreamMeta(other) });
  }
  return streams;
}

function broken(path: string, checkpoint: string, count: number): TidemarkError {
  const found = count === 0 ? 'is not beside it' : `could be each of ${count} files beside it`;
  const text = `the stream before '${path}', of checkpoint '${checkpoint}', ${found}`;
  return new TidemarkError('BACKUP_PARENT_MISMATCH', text, {
    where: path,
    hint: 'put the files of one backup, and no others, into one directory',
  });
}
