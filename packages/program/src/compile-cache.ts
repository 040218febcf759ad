const OTHERS_MAY_WRITE = 0o022;

/**
 * Keeps what V8 makes of the program's text, so that the next start goes without: in the user's own
 * cache folder, or where NODE_COMPILE_CACHE says. Not in /tmp, as Node would: what lies there may be
 * anybody's, and it is run. Without such a folder, or where it cannot be written, all goes on as it is.
 */
export function keepCompiled(): void {
  // Node has turned it on by itself, or was told not to.
  const { NODE_COMPILE_CACHE: named, NODE_DISABLE_COMPILE_CACHE: off } = process.env;
  if (named !== undefined || off !== undefined) return;
  try {
    const module = process.getBuiltinModule('node:module');
    // A packed program has it on when its own first file runs.
    if (module.getCompileCacheDir() !== undefined) return;
    const folder = cacheFolder();
    if (folder !== undefined) module.enableCompileCache(folder);
  } catch {
    // A home that is read-only, or none at all; or a Node that has no such cache.
  }
}

/** @throws system errors */
function cacheFolder(): string | undefined {
  // Not imported: that alone would bring in the file that is to be kept.
  const fs = process.getBuiltinModule('node:fs');
  const { HOME: home = '', XDG_CACHE_HOME: named = '' } = process.env;
  const parent = named.startsWith('/') ? named : home.startsWith('/') ? `${home}/.cache` : '';
  if (parent === '') return undefined;
  const folder = `${parent}/tidemark`;
  // One at a time: Node would try for ever to make folders in /proc.
  for (const path of [parent, folder]) {
    if (!fs.existsSync(path)) fs.mkdirSync(path, 0o700);
  }
  const { uid, mode } = fs.statSync(folder);
  return uid === process.getuid?.() && (mode & OTHERS_MAY_WRITE) === 0 ? folder : undefined;
}
