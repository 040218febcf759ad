import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DirtyBitmap, isTidemarkError } from '@tidemark/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDrive, openDriveBitmaps, openRecordingDrive } from '../src/index.ts';
import { FILE_SYSTEMS, type FileSystemKind, type MountedFolder } from './support/file-systems.ts';

const SIZE = 1024 * 1024;

interface Place {
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

const run = (program: string, ...args: readonly string[]) =>
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

const ACTIONS: readonly Action[] = [
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

function isMissing(program: string | undefined): boolean {
  if (program === undefined) return false;
  if (program === 'losetup' && process.getuid?.() !== 0) return true;
  try {
    const isThere = program === 'python3' ? `${program} -c "import mmap"` : `command -v ${program}`;
    run('sh', '-c', isThere);
    return false;
  } catch {
    return true;
  }
}

const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** State of bitmap 'a', or why it is inconsistent, or the code that its sidecar is refused with. */
async function look(path: string): Promise<string> {
  const drive = await openDrive(path, { format: 'raw' });
  try {
    const { store } = await openDriveBitmaps(drive);
    await using bitmaps = store!;
    const [a] = await bitmaps.list();
    return a!.reason ?? a!.state;
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    return error.code;
  } finally {
    await drive.device.close();
  }
}

async function addBitmap(path: string): Promise<void> {
  const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
  const { store } = await openDriveBitmaps(drive, { create: true });
  const content = new DirtyBitmap(SIZE, 65_536);
  await store!.commit([{ op: 'create', name: 'a', enabled: true, content }]);
  await store!.close();
  await drive.device.close();
}

async function record(path: string): Promise<void> {
  const drive = await openRecordingDrive(path, { format: 'raw' });
  await drive.device.write(Buffer.from('ours'), 5000);
  await drive.close();
}

function matrixOn(kind: FileSystemKind): void {
  const { name, missing } = kind;
  if (missing !== undefined) console.warn(`SKIPPED: binding on ${name}: needs ${missing}`);
  describe.skipIf(missing !== undefined)(`a drive on ${name}`, () => {
    let mounted: MountedFolder;
    let count = 0;
    beforeAll(() => {
      mounted = kind.make();
    });
    afterAll(() => mounted.remove());

    function newPlace(): Place {
      const folder = join(mounted.folder, String((count += 1)));
      mkdirSync(folder);
      const path = join(folder, 'disk.raw');
      writeFileSync(path, Buffer.alloc(SIZE, 1));
      return { path, sidecar: `${path}.tidemark.qcow2`, other: join(folder, 'other') };
    }

    for (const { name: action, prepare, act, found, needs } of ACTIONS) {
      const isSkipped = missing === undefined && isMissing(needs);
      if (isSkipped) console.warn(`SKIPPED: binding on ${name}: ${action}: needs ${needs}`);
      it.skipIf(isSkipped)(`is seen through when somebody ${action}`, async () => {
        const place = newPlace();
        await addBitmap(place.path);
        prepare?.(place);
        await record(place.path);
        expect(await look(place.path)).toBe('stored');
        const before = digest(place.path);
        act(place);
        const state = await look(place.path);
        expect(state).toContain(found);
        // Whatever the table above says: content that has changed is never accepted.
        const isChanged = digest(place.path) !== before;
        expect({ isChanged, isAccepted: isChanged && state === 'stored' }).toMatchObject({
          isAccepted: false,
        });
      });
    }

    it('is what it was when its file system was unmounted and mounted again', async () => {
      const { path } = newPlace();
      await addBitmap(path);
      await record(path);
      mounted.remount?.();
      expect(await look(path)).toBe('stored');
    });
  });
}

for (const kind of FILE_SYSTEMS) matrixOn(kind);
