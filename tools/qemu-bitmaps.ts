import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { run } from './qemu.ts';

/** What `qemu-img info` says of a bitmap. */
export interface QemuBitmap {
  readonly name: string;
  readonly granularity: number;
  /** `auto`, `in-use`. */
  readonly flags: readonly string[];
}

export interface QemuExtent {
  readonly offset: number;
  readonly length: number;
  readonly dirty: boolean;
}

/** The bitmaps of an image as QEMU finds them, in the order of the directory. */
export async function qemuBitmaps(path: string): Promise<readonly QemuBitmap[]> {
  const info: ImageInfo = JSON.parse(await run('qemu-img', 'info', '--output=json', path));
  const { bitmaps = [] } = info['format-specific'].data;
  return bitmaps.map(({ name, granularity, flags }) => ({ name, granularity, flags }));
}

interface ImageInfo {
  readonly 'format-specific': { readonly data: { readonly bitmaps?: readonly QemuBitmap[] } };
}

/** The checksum of each bitmap's bits, as QEMU reads them. Opens the image for reading. */
export async function qemuSha256(
  path: string,
  names: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const replies = await qmp(
    path,
    names.map((name) => ({
      execute: 'x-debug-block-dirty-bitmap-sha256',
      arguments: { node: 'image', name },
    })),
  );
  return Object.fromEntries(
    names.map((name, index) => {
      const reply = replies[index];
      return [name, reply?.return?.sha256 ?? JSON.stringify(reply)];
    }),
  );
}

/** A bitmap as QEMU has it in memory once it has opened the image for reading. */
interface LoadedBitmap {
  readonly name: string;
  readonly granularity: number;
  readonly recording: boolean;
  readonly inconsistent?: boolean;
}

/** All bitmaps of an image, and the checksums of those that are named, of one process of QEMU. */
export async function qemuLoaded(path: string, names: readonly string[]) {
  const sum = (name: string) => ({
    execute: 'x-debug-block-dirty-bitmap-sha256',
    arguments: { node: 'image', name },
  });
  const [nodes, ...sums] = await qmp(path, [
    { execute: 'query-named-block-nodes' },
    ...names.map(sum),
  ]);
  const image = (nodes?.return as readonly NamedNode[] | undefined)?.find(
    (node) => node['node-name'] === 'image',
  );
  return {
    bitmaps: image?.['dirty-bitmaps'] ?? [],
    sums: Object.fromEntries(
      names.map((name, index) => [
        name,
        sums[index]?.return?.sha256 ?? JSON.stringify(sums[index]),
      ]),
    ),
  };
}

interface NamedNode {
  readonly 'node-name'?: string;
  readonly 'dirty-bitmaps'?: readonly LoadedBitmap[];
}

/** The runs of a bitmap as QEMU serves them to an NBD client. */
export async function qemuDirtyMap(path: string, bitmap: string): Promise<readonly QemuExtent[]> {
  const server = ['qemu-nbd', '--read-only', '--format=qcow2', `--bitmap=${bitmap}`, path];
  const context = `--map=qemu:dirty-bitmap:${bitmap}`;
  const map = await run('nbdinfo', '--json', context, '--', '[', ...server, ']');
  const extents: { offset: number; length: number; type: number }[] = JSON.parse(map);
  return extents.map(({ offset, length, type }) => ({ offset, length, dirty: type === 1 }));
}

interface Reply {
  readonly return?: { readonly sha256?: string } & object;
}

/** Puts QMP commands to QEMU, which has the image open for reading as node `image`. */
async function qmp(path: string, commands: readonly object[]): Promise<readonly Reply[]> {
  const all = [{ execute: 'qmp_capabilities' }, ...commands, { execute: 'quit' }];
  const args = ['--chardev', 'stdio,id=qmp', '--monitor', 'chardev=qmp', '--blockdev'];
  const file = { driver: 'file', filename: path };
  args.push(JSON.stringify({ driver: 'qcow2', 'node-name': 'image', 'read-only': true, file }));
  const output = await new Promise<string>((resolve, reject) => {
    // A data file is found from the folder that the program runs in.
    const options = { cwd: dirname(path) };
    const daemon = execFile('qemu-storage-daemon', args, options, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(stderr, { cause: error })),
    );
    daemon.stdin!.end(all.map((command) => `${JSON.stringify(command)}\n`).join(''));
  });
  const lines = output.trim().split('\n');
  // Before the replies comes a greeting.
  return lines.slice(2).map((line): Reply => JSON.parse(line));
}
