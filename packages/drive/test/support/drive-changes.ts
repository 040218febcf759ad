import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  openSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

/** Bytes of the drive. */
export const SIZE = 1024 * 1024;

export interface Place {
  readonly path: string;
  readonly sidecar: string;
  /** Another file beside the drive. */
  readonly other: string;
}

/** What somebody else does to a drive whose bitmaps are at rest. */
interface Action {
  readonly name: string;
  readonly act: (place: Place) => void;
  /** Before the session that the bitmaps are stored by. */
  readonly prepare?: (place: Place) => void;
  /** Words of the reason; or 'stored', or a code. */
  readonly found: string;
  /** Programs that it needs. */
  readonly needs?: 'python3' | 'fallocate' | 'losetup' | 'qemu-img';
}

const WRITTEN = 'was written behind its bitmaps';
const STATUS = 'mode, owner, name or links';
const ANOTHER = 'is another file';

export const run = (program: string, ...args: readonly string[]) =>
  execFileSync(program, args, { stdio: 'pipe' }).toString().trim();

function writeInside(path: string): void {
  const file = openSync(path, 'r+');
  writeSync(file, 'changed', 70_000);
  closeSync(file);
}

/** So that it is older than what is written next. */
function copyWithTimes(from: string, to: string): void {
  run('cp', '-p', from, to);
}

const MMAP = `
import mmap, sys
file = open(sys.argv[1], 'r+b')
view = mmap.mmap(file.fileno(), 0)
view[70000:70007] = b'changed'
view.close()
`;

export const ACTIONS: readonly Action[] = [
  { name: 'writes it', act: ({ path }) => writeInside(path), found: WRITTEN },
  {
    name: 'writes it and sets its time back',
    act({ path, other }) {
      run('touch', '-r', path, other);
      writeInside(path);
      run('touch', '-r', other, path);
    },
    found: STATUS,
  },
  {
    name: 'writes it through a mapping',
    act: ({ path }) => run('python3', '-c', MMAP, path),
    found: WRITTEN,
    needs: 'python3',
  },
  {
    name: 'makes a hole in it',
    act: ({ path }) => run('fallocate', '-p', '-o', '65536', '-l', '65536', path),
    found: WRITTEN,
    needs: 'fallocate',
  },
  {
    name: 'writes it through a loop device',
    act({ path }) {
      const device = run('losetup', '--find', '--show', path);
      try {
        run('sh', '-c', `echo changed | dd of=${device} bs=4k seek=17 conv=fsync`);
      } finally {
        run('losetup', '--detach', device);
      }
    },
    found: WRITTEN,
    needs: 'losetup',
  },
  {
    name: 'copies another drive over it',
    act({ path, other }) {
      writeFileSync(other, Buffer.alloc(SIZE, 2));
      copyFileSync(other, path);
    },
    found: WRITTEN,
  },
  {
    name: 'copies another drive over it, with its times',
    act({ path, other }) {
      writeFileSync(other, Buffer.alloc(SIZE, 2));
      run('touch', '-r', path, other);
      run('cp', '-p', '--no-preserve=mode', other, path);
    },
    found: STATUS,
  },
  {
    name: 'moves another drive over it',
    act({ path, other }) {
      writeFileSync(other, Buffer.alloc(SIZE, 2));
      run('touch', '-r', path, other);
      renameSync(other, path);
    },
    found: ANOTHER,
  },
  {
    name: 'cuts it short and makes it as long again',
    act({ path }) {
      truncateSync(path, SIZE / 2);
      truncateSync(path, SIZE);
    },
    found: WRITTEN,
  },
  {
    name: 'makes it longer and as short again',
    act({ path }) {
      truncateSync(path, SIZE * 2);
      truncateSync(path, SIZE);
    },
    found: WRITTEN,
  },
  {
    name: 'makes it longer',
    act: ({ path }) => truncateSync(path, SIZE * 2),
    found: 'SIDECAR_MISMATCH',
  },
  {
    name: 'puts an older copy of it in its place',
    prepare: ({ path, other }) => copyWithTimes(path, other),
    act: ({ path, other }) => renameSync(other, path),
    found: ANOTHER,
  },
  {
    name: 'writes an older copy of it back into it',
    prepare: ({ path, other }) => copyWithTimes(path, other),
    act: ({ path, other }) => copyWithTimes(other, path),
    found: WRITTEN,
  },
  {
    name: 'puts an older copy of the sidecar in its place',
    prepare: ({ sidecar, other }) => copyWithTimes(sidecar, other),
    act: ({ sidecar, other }) => renameSync(other, sidecar),
    found: WRITTEN,
  },
  { name: 'touches it', act: ({ path }) => utimesSync(path, 1, 1), found: WRITTEN },
  { name: 'changes its mode', act: ({ path }) => chmodSync(path, 0o600), found: STATUS },
  { name: 'links to it', act: ({ path, other }) => linkSync(path, other), found: STATUS },
  {
    name: 'gives it another name and its own again',
    act({ path, other }) {
      renameSync(path, other);
      renameSync(other, path);
    },
    found: STATUS,
  },
  { name: 'reads it', act: ({ path }) => run('sha256sum', path), found: 'stored' },
  {
    name: 'opens it for writing and writes nothing',
    act: ({ path }) => closeSync(openSync(path, 'r+')),
    found: 'stored',
  },
  {
    name: 'looks at it with QEMU',
    act: ({ path }) => run('qemu-img', 'info', '-f', 'raw', path),
    found: 'stored',
    needs: 'qemu-img',
  },
];
