import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunResult, sh, tempDir } from '../../../tools/qemu.ts';
import { TIDEMARK, tidemark } from '../../../tools/programs.ts';
import { makeDrive } from './support/drives.ts';
import { digestOf, fail, succeed } from './support/tidemark.ts';

const MiB = 1024 * 1024;
/** Bytes of files whose digests are taken around each case. */
const SMALL = 65_536;

describe('bad input', () => {
  const dir = tempDir();
  const at = (name: string): string => join(dir, name);

  beforeAll(async () => {
    await makeDrive(at('vm.qcow2'), 'qcow2', 2 * MiB, [{ offset: 0, length: MiB, byte: 1 }]);
    await makeDrive(at('disk.raw'), 'raw', 2 * MiB, [{ offset: 0, length: MiB, byte: 2 }]);
    for (const drive of ['vm.qcow2', 'disk.raw']) await succeed('bitmap', 'add', at(drive), 'a');
    await succeed('backup', at('vm.qcow2'), at('backups'), '--bitmap', 'a');

    copyFileSync(at('vm.qcow2'), at('header.qcow2'));
    truncateSync(at('header.qcow2'), 100);
    copyFileSync(at('vm.qcow2'), at('half.qcow2'));
    truncateSync(at('half.qcow2'), 300_000);
    writeFileSync(at('magic.qcow2'), Buffer.alloc(SMALL, 'x'));
    writeFileSync(at('other.raw'), Buffer.alloc(SMALL));
    copyFileSync(at('disk.raw.tidemark.qcow2'), at('other.raw.tidemark.qcow2'));
    writeFileSync(at('garbled.raw'), Buffer.alloc(SMALL));
    writeFileSync(at('garbled.raw.tidemark.qcow2'), Buffer.alloc(SMALL, 'y'));
    mkdirSync(at('folder'));
  });

  const long = 'x'.repeat(1024);
  it.each<[readonly string[], string, number]>([
    [['info', 'none.raw'], 'FILE_NOT_FOUND', 3],
    [['info', 'disk.raw/x'], 'FILE_NOT_FOUND', 3],
    [['info', 'folder'], 'DEVICE_UNSUPPORTED', 9],
    [['bitmap', 'add', 'folder', 'a'], 'DEVICE_UNSUPPORTED', 9],
    [['info', '/dev/null'], 'DEVICE_UNSUPPORTED', 9],
    [['info', 'header.qcow2'], 'IMAGE_CORRUPT', 8],
    [['bitmap', 'list', 'half.qcow2'], 'IMAGE_CORRUPT', 8],
    [['backup', 'half.qcow2', 'never'], 'IMAGE_CORRUPT', 8],
    [['info', 'magic.qcow2'], 'IMAGE_UNRECOGNIZED', 8],
    [['bitmap', 'add', 'magic.qcow2', 'a', '--format', 'qcow2'], 'IMAGE_UNRECOGNIZED', 8],
    [['bitmap', 'list', 'other.raw'], 'SIDECAR_MISMATCH', 7],
    [['bitmap', 'add', 'other.raw', 'b'], 'SIDECAR_MISMATCH', 7],
    [['backup', 'other.raw', 'never', '--bitmap', 'a'], 'SIDECAR_MISMATCH', 7],
    [['bitmap', 'clear', 'garbled.raw', 'a'], 'IMAGE_UNRECOGNIZED', 8],
    [['bitmap', 'add', 'disk.raw', 'b', '--sidecar', 'disk.raw'], 'USAGE', 2],
    [['bitmap', 'add', 'vm.qcow2', 'b', '--sidecar', 'new.qcow2'], 'USAGE', 2],
    [['bitmap', 'add', 'vm.qcow2', 'a'], 'BITMAP_EXISTS', 4],
    [['bitmap', 'add', 'vm.qcow2', ''], 'BITMAP_INVALID', 7],
    [['bitmap', 'add', 'vm.qcow2', long], 'BITMAP_INVALID', 7],
    [['bitmap', 'add', 'fresh.raw', long], 'BITMAP_INVALID', 7],
    [['bitmap', 'add', 'vm.qcow2', 'b', '-g', '3000'], 'BITMAP_INVALID', 7],
    [['bitmap', 'add', 'vm.qcow2', 'b', '-g', '256'], 'BITMAP_INVALID', 7],
    [['bitmap', 'add', 'vm.qcow2', 'b', '-g', '4G'], 'BITMAP_INVALID', 7],
    [['bitmap', 'remove', 'vm.qcow2', 'none'], 'BITMAP_NOT_FOUND', 3],
    [['bitmap', 'clear', 'disk.raw', 'none'], 'BITMAP_NOT_FOUND', 3],
    [['bitmap', 'dump', 'other2.raw', 'a'], 'BITMAP_NOT_FOUND', 3],
    [['bitmap', 'merge', 'vm.qcow2', 'a', 'none'], 'BITMAP_NOT_FOUND', 3],
    [['backup', 'vm.qcow2', 'never', '--bitmap', 'none'], 'BITMAP_NOT_FOUND', 3],
    [['backup', 'vm.qcow2', 'never', '--granularity', '5000'], 'USAGE', 2],
    [['backup', 'vm.qcow2', 'disk.raw'], 'FILE_NOT_FOUND', 3],
    [['backup', 'vm.qcow2', '/proc/tidemark'], 'FILE_NOT_FOUND', 3],
    [['backup', 'disk.raw', 'backups'], 'BACKUP_DRIVE_MISMATCH', 11],
    [['restore', 'none', 'never.raw'], 'FILE_NOT_FOUND', 3],
    [['restore', 'folder', 'never.raw'], 'BACKUP_NOT_FOUND', 3],
    [['restore', 'backups', 'never.raw', '--point', '7'], 'BACKUP_NOT_FOUND', 3],
    [['restore', 'backups', 'disk.raw'], 'FILE_EXISTS', 4],
    [['restore', 'backups', 'fresh', '--format', 'raw'], 'FILE_EXISTS', 4],
    [['restore', 'backups', 'other.raw', '--overwrite'], 'BACKUP_DRIVE_MISMATCH', 11],
    [['restore', 'backups', 'none.raw', '--overwrite'], 'FILE_NOT_FOUND', 3],
    [['repo', 'list', 'none'], 'FILE_NOT_FOUND', 3],
    [['repo', 'check', 'disk.raw'], 'FILE_NOT_FOUND', 3],
  ])('%j is refused as %s, with exit code %i, and changes no file', async (args, code, exit) => {
    writeFileSync(at('fresh.raw'), Buffer.alloc(SMALL));
    writeFileSync(at('other2.raw'), Buffer.alloc(SMALL));
    // A sidecar that would go with the drive to be made.
    writeFileSync(at('fresh.tidemark.qcow2'), 'x');
    const before = snapshot(dir);
    const error = await fail(...inDir(args, dir));
    expect({ code: error.code, exit: error.exit }).toEqual({ code, exit });
    expect(snapshot(dir)).toEqual(before);
  });

  it('that is one damaged bitmap among sound ones hides none of them, and is no success', async () => {
    const path = at('damaged.qcow2');
    await makeDrive(path, 'qcow2', 2 * MiB);
    for (const name of ['first', 'second']) await succeed('bitmap', 'add', path, name, '-g', '4k');
    damageTable(path, 'first');
    const before = digestOf(path);
    const { code, stdout, stderr } = await sh(process.execPath, TIDEMARK, 'bitmap', 'list', path);
    expect(code).toBe(8);
    expect(stdout).toMatch(/^first .* stored {2}-$/m);
    expect(stdout).toMatch(/^second .* stored {2}0 B$/m);
    expect(stderr).toContain('(IMAGE_CORRUPT)');
    expect(digestOf(path)).toBe(before);
  });

  it('that is a picture as JSON is refused', async () => {
    const args = ['bitmap', 'dump', at('vm.qcow2'), 'a', '--map', '--json'];
    const { code, stdout, stderr } = await tidemark(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('"code":"USAGE"');
  });

  it('in a name cannot drive the terminal', async () => {
    const path = at('names.qcow2');
    await makeDrive(path, 'qcow2', MiB);
    const name = 'red\u001b[31m\nnext';
    await succeed('bitmap', 'add', path, name);
    expect(await succeed('bitmap', 'list', path)).toContain(String.raw`red\u001b[31m\u000anext  `);
    expect(JSON.parse(await succeed('bitmap', 'list', path, '--json'))).toMatchObject([{ name }]);
  });

  it('is no name that begins with a dash, behind --', async () => {
    const path = at('dash.qcow2');
    await makeDrive(path, 'qcow2', MiB);
    await succeed('bitmap', 'add', path, '--', '--json');
    expect(await succeed('bitmap', 'list', path)).toContain('--json');
  });
});

describe('output that cannot be written', () => {
  const dir = tempDir();

  it('is an error when the disk is full, and none when the reader has gone', async () => {
    const path = join(dir, 'a.raw');
    await makeDrive(path, 'raw', MiB);
    const shell = (line: string): Promise<RunResult> =>
      sh('bash', '-c', line, 'bash', process.execPath, TIDEMARK, path);
    const full = await shell('"$1" "$2" info "$3" > /dev/full');
    expect(full).toMatchObject({ code: 12, stderr: expect.stringContaining('(NO_SPACE)') });
    const gone = await shell('set -o pipefail; "$1" "$2" info "$3" | true');
    expect(gone).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

/** Paths of a command line, which are those that do not begin with a dash, put into `dir`. */
function inDir(args: readonly string[], dir: string): readonly string[] {
  const words = args[0] === 'bitmap' || args[0] === 'repo' ? 2 : 1;
  const isPath = (arg: string, i: number): boolean => {
    if (i < words || arg.startsWith('-') || arg.startsWith('/')) return false;
    const before = args[i - 1] ?? '';
    if (before.startsWith('-') && before !== '--overwrite') return before === '--sidecar';
    return args[0] === 'bitmap' ? i === words : true;
  };
  return args.map((arg, i) => (isPath(arg, i) ? join(dir, arg) : arg));
}

/** Every file below a folder with its digest. */
function snapshot(dir: string): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    files[path] = entry.isFile() ? digestOf(path) : 'folder';
  }
  return files;
}

/** Lets the first table entry of a bitmap point behind the end of the file. */
function damageTable(path: string, name: string): void {
  const bytes = readFileSync(path);
  // qcow2.rst, "Bitmap directory": the name comes 24 bytes after its entry, which begins with the
  // table's offset.
  const entry = bytes.lastIndexOf(name) - 24;
  const table = Number(bytes.readBigUInt64BE(entry));
  bytes.writeBigUInt64BE(BigInt(2 ** 40), table);
  writeFileSync(path, bytes);
}
