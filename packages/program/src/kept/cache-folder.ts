import { existsSync, mkdirSync, statSync } from 'node:fs';

const OTHERS_MAY_WRITE = 0o022;

/**
 * Where what V8 has made of a program is kept, for this Node: in the cache folder of the user or of the
 * service, or where NODE_COMPILE_CACHE says. Not in /tmp: what lies there may be anybody's, and it is run.
 * @returns undefined where there is none, or NODE_DISABLE_COMPILE_CACHE asks for none
 * @throws system errors
 */
export function cacheFolder(): string | undefined {
  const { NODE_COMPILE_CACHE: named, NODE_DISABLE_COMPILE_CACHE: off } = process.env;
  if (off !== undefined) return undefined;
  const folder = named ?? ownFolder();
  return folder === undefined ? undefined : own(`${folder}/${process.version}-${process.arch}`);
}

function ownFolder(): string | undefined {
  const { HOME: home = '', XDG_CACHE_HOME: named = '', CACHE_DIRECTORY: given = '' } = process.env;
  // systemd gives services that, which may have no home, or none that they can write.
  const [ofService = ''] = given.split(':');
  const parent = [named, ofService, home && `${home}/.cache`].find((path) => path.startsWith('/'));
  if (parent === undefined) return undefined;
  made(parent);
  return own(`${parent}/tidemark`);
}

/** One in which nobody else writes, also below a folder that is anybody's. */
function own(folder: string): string | undefined {
  const { uid, mode } = statSync(made(folder));
  return uid === process.getuid?.() && (mode & OTHERS_MAY_WRITE) === 0 ? folder : undefined;
}

function made(folder: string): string {
  if (!existsSync(folder)) mkdirSync(folder, 0o700);
  return folder;
}
