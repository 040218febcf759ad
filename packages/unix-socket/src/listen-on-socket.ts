import { once } from 'node:events';
import { lstat, stat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { TidemarkError } from '@tidemark/core';
import { hasCode, listenFailed } from './listen-failed.ts';

/** What fits the kernel's sockaddr_un. */
const MAX_PATH_BYTES = 107;

/** Of `listenOnSocket`. */
export interface ListenOptions {
  /** Who may connect: permissions as of a file, for example 0o660. Default: as the umask has it. */
  readonly mode?: number;
}

/**
 * Listens on a unix socket. A socket file that nobody listens on, as a crash leaves it, is replaced;
 * no other file is.
 * @throws USAGE (not a path for a socket), LOCKED (somebody listens), FILE_EXISTS (not a socket),
 *   FILE_NOT_FOUND (its folder), PERMISSION_DENIED, IO_FAILED
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  options: ListenOptions = {},
): Promise<void> {
  checkSocketPath(path);
  try {
    await bind(server, path, options);
  } catch (error) {
    if (!hasCode(error, 'EADDRINUSE')) throw await pathFailed(path, error);
    await removeStaleSocket(path);
    await bind(server, path, options).catch((cause: unknown) => {
      throw listenFailed(path, cause);
    });
  }
}

async function bind(server: Server, path: string, { mode }: ListenOptions): Promise<void> {
  // A socket has its mode from the start: nobody gets in between. Node binds it in this very call.
  const usual = mode === undefined ? undefined : process.umask(0o777 & ~mode);
  try {
    server.listen({ path });
  } finally {
    if (usual !== undefined) process.umask(usual);
  }
  await once(server, 'listening');
}

/** @throws USAGE */
function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > 0 && bytes <= MAX_PATH_BYTES && !path.includes('\0')) return;
  throw new TidemarkError('USAGE', `socket path '${path}' is not possible`, {
    where: path,
    hint: `use a path of 1 to ${MAX_PATH_BYTES} bytes`,
  });
}

/**
 * Makes room where a crash left a socket file that nobody listens on.
 * @throws LOCKED: somebody listens; FILE_EXISTS: it is not a socket; PERMISSION_DENIED, IO_FAILED
 */
async function removeStaleSocket(path: string): Promise<void> {
  try {
    // A plain file refuses connections just as a stale socket does.
    if (!(await lstat(path)).isSocket()) throw notASocket(path);
    if (await isListenedOn(path)) throw listenedOn(path);
    await unlink(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw listenFailed(path, error);
  }
}

async function isListenedOn(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    if (hasCode(error, 'ECONNREFUSED')) return false;
    // Too many wait to be let in: somebody lets them in.
    if (hasCode(error, 'EAGAIN')) return true;
    throw error;
  } finally {
    socket.destroy();
  }
}

function notASocket(path: string): TidemarkError {
  return new TidemarkError('FILE_EXISTS', `'${path}' is there and is not a socket`, {
    where: path,
    hint: 'choose another path',
  });
}

function listenedOn(path: string): TidemarkError {
  return new TidemarkError('LOCKED', `something listens on '${path}' already`, {
    where: path,
    hint: 'stop it, or choose another path',
  });
}

/** Node calls a folder that is not there EACCES. */
async function pathFailed(path: string, cause: unknown): Promise<TidemarkError> {
  const folder = dirname(path);
  try {
    await stat(folder);
    return listenFailed(path, cause);
  } catch {
    const context = { where: folder, hint: 'make it, or choose another path' };
    const text = `folder '${folder}' does not exist`;
    return new TidemarkError('FILE_NOT_FOUND', text, context, cause);
  }
}
