import { systemText } from './system-text.ts';

/** File systems whose flush is another machine's word. As mountinfo names them; `fuse.` is left out. */
const NETWORK: ReadonlySet<string> = new Set([
  ...['9p', 'afs', 'beegfs', 'ceph', 'cifs', 'coda', 'glusterfs', 'lustre', 'ncpfs', 'nfs', 'nfs4'],
  ...['orangefs', 'rclone', 's3fs', 'smb3', 'smbfs', 'sshfs'],
]);

/** Of an overlay (the kernel's filesystems/overlayfs.rst, "Volatile mount"), by older and newer kernels. */
const VOLATILE: readonly string[] = ['volatile', 'fsync=volatile'];
/** Of ext4, xfs and btrfs: a flush does not reach the disk's cache. */
const NO_BARRIER: readonly string[] = ['nobarrier', 'barrier=0'];

/**
 * Why a flush of an open file may leave nothing durable, by what Linux tells of its mount: a clause.
 * Undefined: nothing speaks against it, or nothing is told.
 */
export function whyFlushesAreWeak(fd: number): string | undefined {
  const fdInfo = systemText(`/proc/self/fdinfo/${fd}`);
  const mountInfo = systemText('/proc/self/mountinfo');
  if (fdInfo === undefined || mountInfo === undefined) return undefined;
  return judgeMount(fdInfo, mountInfo);
}

/** proc_pid_fdinfo(5) and proc_pid_mountinfo(5). */
export function judgeMount(fdInfo: string, mountInfo: string): string | undefined {
  const id = /^mnt_id:\s*(\d+)$/m.exec(fdInfo)?.[1];
  const line = mountInfo.split('\n').find((each) => id !== undefined && each.startsWith(`${id} `));
  // Blanks in paths are escaped, and optional fields end with a dash.
  const [, rest = ''] = line?.split(' - ') ?? [];
  const [type = '', , options = ''] = rest.split(' ');
  if (NETWORK.has(type.replace(/^fuse\./, ''))) return `it is on a network file system (${type})`;
  const has = (wanted: readonly string[]) =>
    options.split(',').some((option) => wanted.includes(option));
  if (type === 'overlay' && has(VOLATILE)) return 'it is on an overlay that is mounted volatile';
  if (has(NO_BARRIER)) return `its file system (${type}) is mounted without barriers`;
  return undefined;
}
