import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The records that cut-off backups have left in a repository in a directory, by their paths. */
export function recordsOfTries(repository: string): readonly string[] {
  const tries = join(repository, 'tries');
  if (!existsSync(tries)) return [];
  return readdirSync(tries, { recursive: true })
    .map(String)
    .filter((name) => /\/\d{8}$/.test(name));
}
