import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Tarball } from './tarballs.ts';

const start = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
/** Milliseconds; a sample that does not end is wrong. */
const LONGEST_MS = 30_000;
/** How a package's types are looked up by those who use it. */
const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'preserve', moduleResolution: 'bundler' },
] as const;

/** Installs one package into an empty project, as a stranger would: nothing that it does not declare. */
export async function installAlone(
  tarball: Tarball,
  all: readonly Tarball[],
  folder: string,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await install([tarball], all, folder);
}

/** Adds the packages that a sample uses beside its own. */
export async function installFor(
  sample: string,
  tarball: Tarball,
  all: readonly Tarball[],
  folder: string,
): Promise<void> {
  const others = all.filter(({ name }) => name !== tarball.name && sample.includes(`'${name}'`));
  if (others.every(({ name }) => name in (tarball.manifest.dependencies ?? {}))) return;
  await install([tarball, ...others], all, folder);
}

async function install(wanted: readonly Tarball[], all: readonly Tarball[], folder: string) {
  const sources = (tarballs: readonly Tarball[]) =>
    Object.fromEntries(tarballs.map(({ name, path }) => [name, `file:${path}`]));
  // Packages of the same release are on no registry yet.
  const overrides = sources(all.filter((one) => !wanted.includes(one)));
  const project = { name: 'empty', private: true, type: 'module', dependencies: sources(wanted) };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...project, overrides }));
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
  await start('npm', ['install', ...quiet], { cwd: folder });
}

/** Loads each module that a package exports, on a Node. @throws what it printed where one fails */
export async function importAll(tarball: Tarball, folder: string, node: string): Promise<void> {
  const paths = Object.keys(tarball.manifest.exports ?? {}).filter((path) => !path.includes('*'));
  const modules = paths.map((path) => JSON.stringify(`${tarball.name}${path.slice(1)}`));
  const script = modules.map((module) => `await import(${module});`).join('\n');
  await start(node, ['--input-type=module', '-e', script], { cwd: folder, timeout: LONGEST_MS });
}

/** Asks each program of a package for its version. @throws what it printed where it says another */
export async function startAll(tarball: Tarball, folder: string, node: string): Promise<void> {
  for (const name of Object.keys(tarball.manifest.bin ?? {})) {
    const program = join(folder, 'node_modules/.bin', name);
    const { stdout } = await start(node, [program, '--version'], { timeout: LONGEST_MS });
    if (!stdout.includes(tarball.manifest.version)) throw new Error(`${name}: ${stdout}`);
  }
}

/** The first sample of a package's README. */
export function sampleOf({ name, folder }: Tarball): string {
  const sample = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, folder, 'README.md'), 'utf8'));
  if (sample === null) throw new Error(`the README of ${name} has no sample`);
  return sample[1]!;
}

/** Runs the compiled sample in the project, on a Node. @throws what it printed where it fails */
export async function runSample(folder: string, node: string): Promise<void> {
  await start(node, [join(folder, 'compiled/sample.js')], { cwd: folder, timeout: LONGEST_MS });
}

/**
 * Compiles a sample, for the oldest Node, against the types that the package ships, in every way in
 * which they are looked up. @throws what the compiler printed
 */
export async function compileSample(
  folder: string,
  sample: string,
  { manifest }: Tarball,
): Promise<void> {
  const hasPeers = Object.keys(manifest.peerDependencies ?? {}).length > 0;
  writeFileSync(join(folder, 'sample.ts'), sample);
  // Types of Node are what every user has; they are none of the package's dependencies.
  mkdirSync(join(folder, 'types'), { recursive: true });
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'types/node'));
  for (const resolution of RESOLUTIONS) {
    const compilerOptions = {
      ...resolution,
      // `await using` is younger than Node 22.
      target: 'es2023',
      lib: ['esnext'],
      strict: true,
      outDir: 'compiled',
      skipLibCheck: false,
      typeRoots: ['./types'],
      types: ['node'],
    };
    const path = join(folder, `tsconfig.${resolution.moduleResolution}.json`);
    writeFileSync(path, JSON.stringify({ compilerOptions, files: ['sample.ts'] }));
    const tsc = join(root, 'node_modules/.bin/tsc');
    await start(tsc, ['-p', path], { cwd: folder }).catch((error: { readonly stdout: string }) => {
      if (!hasPeers || faultsOfOurs(error.stdout)) throw error;
    });
  }
}

/** What is wrong inside a peer is so without us too: its users have it already. */
function faultsOfOurs(printed: string): boolean {
  const faults = printed.split('\n').filter((line) => / error TS\d+: /.test(line));
  return faults.length === 0 || faults.some((line) => !/^node_modules\/(?!@tidemark\/)/.test(line));
}
