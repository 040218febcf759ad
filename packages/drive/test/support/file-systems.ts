import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder on a file system of some kind. */
export interface MountedFolder {
  readonly folder: string;
  /** Unmounts the file system and mounts it again. Absent where that cannot be done. */
  readonly remount?: () => void;
  remove(): void;
}

export interface FileSystemKind {
  readonly name: string;
  /** What is missing to have one here. */
  readonly missing: string | undefined;
  make(): MountedFolder;
}

// mkfs.xfs makes none that is smaller. Sparse, so it takes up little.
const IMAGE_SIZE = 320 * 1024 * 1024;

const runs = (program: string, ...args: readonly string[]) => {
  try {
    execFileSync(program, args, { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
};
const run = (program: string, ...args: readonly string[]) =>
  void execFileSync(program, args, { stdio: 'pipe' });

/** Every kind that the matrix is about. */
export const FILE_SYSTEMS: readonly FileSystemKind[] = [
  { name: 'the temporary folder', missing: undefined, make: () => plainFolder(tmpdir()) },
  {
    name: 'tmpfs',
    missing: runs('sh', '-c', 'stat -f -c %T /dev/shm | grep -qx tmpfs') ? undefined : '/dev/shm',
    make: () => plainFolder('/dev/shm'),
  },
  ...['ext4', 'xfs', 'btrfs'].map((type) => ({
    name: type,
    missing: missingFor(type),
    make: () => mountedFolder(type),
  })),
];

function plainFolder(parent: string): MountedFolder {
  const folder = mkdtempSync(join(parent, 'tidemark-test-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function missingFor(type: string): string | undefined {
  if (process.getuid?.() !== 0) return 'root';
  if (!runs('losetup', '--find')) return 'loop devices';
  if (!runs('sh', '-c', `command -v mkfs.${type}`)) return `mkfs.${type}`;
  return runs('grep', '-qw', type, '/proc/filesystems') ? undefined : `${type} in the kernel`;
}

function mountedFolder(type: string): MountedFolder {
  const base = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
  const image = join(base, 'image');
  const folder = join(base, 'mount');
  writeFileSync(image, '');
  truncateSync(image, IMAGE_SIZE);
  mkdirSync(folder);
  run(`mkfs.${type}`, '-q', image);
  const mount = () => run('mount', '-o', 'loop', image, folder);
  mount();
  return {
    folder,
    remount() {
      run('umount', folder);
      mount();
    },
    remove() {
      run('umount', folder);
      rmSync(base, { recursive: true, force: true });
    },
  };
}
