// pnpm check:packages [--here] [NAME...]: packs every package, installs each alone into an empty project,
// loads what it exports, compiles the sample of its README against the types that were shipped, and runs
// it on each line of Node (--here: on this one alone, without the network). Of a program: starts it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  compileSample,
  importAll,
  installAlone,
  installFor,
  runSample,
  sampleOf,
  startAll,
} from './empty-project.ts';
import { fetchNode, NODE_LINES } from './nodes.ts';
import { faultsOf, packAll } from './tarballs.ts';

const { values, positionals: wanted } = parseArgs({
  options: { here: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const folder = mkdtempSync(join(tmpdir(), 'tidemark-packages-'));
let failures = 0;

try {
  const nodes = values.here
    ? [{ line: process.versions.node, path: process.execPath }]
    : NODE_LINES.map((line) => ({ line, path: fetchNode(line, join(folder, 'nodes')) }));
  const all = packAll(join(folder, 'tarballs'));
  const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  if (chosen.length === 0) throw new Error(`no package is named ${wanted.join(', ')}`);
  for (const tarball of chosen) {
    const project = join(folder, 'projects', tarball.name);
    const faults: string[] = [...faultsOf(tarball)];
    const attempt = async (what: string, work: () => Promise<void>) => {
      await work().catch((error: unknown) => void faults.push(`${what}: ${said(error)}`));
    };
    await attempt('install', async () => installAlone(tarball, all, project));
    for (const { line, path } of nodes) {
      await attempt(`import on Node ${line}`, async () => importAll(tarball, project, path));
    }
    if (tarball.manifest.bin !== undefined) {
      for (const { line, path } of nodes) {
        await attempt(`start on Node ${line}`, async () => startAll(tarball, project, path));
      }
      report(tarball.name, faults);
      continue;
    }
    await attempt('sample', async () => installFor(sampleOf(tarball), tarball, all, project));
    await attempt('types', async () => compileSample(project, sampleOf(tarball), tarball));
    for (const { line, path } of nodes) {
      await attempt(`sample on Node ${line}`, async () => runSample(project, path));
    }
    report(tarball.name, faults);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${failures} faults`);
process.exitCode = failures === 0 ? 0 : 1;

function report(name: string, faults: readonly string[]): void {
  failures += faults.length;
  console.log(`${faults.length === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  for (const fault of faults) console.log(`     ${fault}`);
}

function said(error: unknown): string {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
  return (`${stdout}${stderr}`.trim() || String(error)).slice(0, 1000);
}
