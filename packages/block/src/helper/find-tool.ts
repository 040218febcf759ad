import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const USUAL = ['/usr/sbin', '/sbin'];
const DEFAULT_PATH = ['/usr/local/bin', '/usr/bin', '/bin'];

// Devices are opened by the dozen (backing chains), and programs seldom come and go.
const found = new Map<string, string | undefined>();

/** The program's path as a shell would find it, or in /usr/sbin; undefined where there is none. */
export function findTool(name: string, path = process.env['PATH']): string | undefined {
  const key = `${name}${delimiter}${path ?? ''}`;
  if (!found.has(key)) found.set(key, lookUp(name, path));
  return found.get(key);
}

function lookUp(name: string, path: string | undefined): string | undefined {
  const folders = path === undefined ? DEFAULT_PATH : path.split(delimiter);
  // A relative entry would run what lies in the current directory, which may be anybody's.
  const trusted = [...folders.filter((folder) => folder.startsWith('/')), ...USUAL];
  return trusted.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    // Most folders do not have it: an error is dearer than the call.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
