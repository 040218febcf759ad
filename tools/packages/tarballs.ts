import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A package as npm would get it. */
export interface Tarball {
  readonly name: string;
  /** Its folder, from the workspace's root. */
  readonly folder: string;
  readonly path: string;
  /** What its package.json says after it was packed. */
  readonly manifest: Manifest;
  readonly files: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Packs every package that is to be published. They have to be built. */
export function packAll(destination: string): readonly Tarball[] {
  mkdirSync(destination, { recursive: true });
  return globSync('{packages,apps}/*/package.json', { cwd: root })
    .map((path) => ({ folder: path.replace(/\/package\.json$/, ''), own: readManifest(path) }))
    .filter(({ own }) => own.private !== true)
    .toSorted((a, b) => (a.own.name < b.own.name ? -1 : 1))
    .map(({ folder, own }) => pack(folder, own.name, destination));
}

/** What is wrong with a tarball before anybody installs it. */
export function faultsOf({ manifest, files }: Tarball): readonly string[] {
  const faults = [];
  for (const needed of ['package.json', 'README.md', 'LICENSE']) {
    if (!files.includes(needed)) faults.push(`has no ${needed}`);
  }
  for (const file of files) {
    if (/(^|\/)(src|test)\//.test(file) || /\.test\./.test(file)) faults.push(`ships ${file}`);
  }
  const text = JSON.stringify(manifest);
  for (const inside of ['workspace:', '@tidemark/source']) {
    if (text.includes(inside)) faults.push(`has '${inside}' in its package.json`);
  }
  return faults;
}

function pack(folder: string, name: string, destination: string): Tarball {
  const args = ['pack', '--json', '--pack-destination', destination];
  const printed = execFileSync('pnpm', args, { cwd: join(root, folder), encoding: 'utf8' });
  const packed = JSON.parse(printed) as { readonly filename: string };
  const path = packed.filename;
  const tar = (...more: readonly string[]) => execFileSync('tar', more, { encoding: 'utf8' });
  const files = tar('-tzf', path)
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
  const manifest = JSON.parse(tar('-xzOf', path, 'package/package.json')) as Manifest;
  return { name, folder, path, manifest, files };
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest;
}
