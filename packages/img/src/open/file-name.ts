import { ImgFailure, notOffered } from '../failure.ts';

/** What qemu-img reaches besides files. */
export const PROTOCOLS = new Set(
  (
    'json nbd nbd+tcp nbd+unix http https ftp ftps ssh sftp iscsi iser gluster gluster+tcp gluster+unix ' +
    'gluster+rdma rbd nfs nvme fat blkdebug blkverify host_device host_cdrom null-co null-aio quorum ' +
    'vxhs sheepdog zeroinit raw'
  ).split(' '),
);

/** A name with a colon before the first slash begins with a protocol, and `file:` is one. */
export function hasProtocol(name: string): boolean {
  return /^[^/]*:/.test(name);
}

/**
 * The path in a file name as qemu-img takes it.
 * @throws USAGE: it names something else than a file, or nothing
 */
export function pathOf(name: string): string {
  const path = name.startsWith('file:') ? name.slice('file:'.length) : name;
  if (path === '') throw new ImgFailure("The 'file' block driver requires a file name");
  // What is left must not be taken for a protocol.
  if (path !== name) return hasProtocol(path) ? `./${path}` : path;
  if (!hasProtocol(name)) return path;
  const protocol = name.slice(0, name.indexOf(':'));
  if (PROTOCOLS.has(protocol)) throw notOffered(`Protocol '${protocol}'`);
  throw new ImgFailure(`Unknown protocol '${protocol}'`);
}

/** Relative to the overlay's folder, by its letters: `d/../base`. */
export function backingPath(name: string, overlay: string): string {
  if (hasProtocol(name) || name.startsWith('/')) return name;
  return `${overlay.slice(0, overlay.lastIndexOf('/') + 1)}${name}`;
}
