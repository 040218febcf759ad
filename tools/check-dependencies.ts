// Fails where docs/dependencies.md does not list exactly what packages depend on at run time.
import { globSync, readFileSync } from 'node:fs';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const root = new URL('../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

const used = new Map<string, string[]>();
for (const path of globSync('{packages,apps}/*/package.json', { cwd: root })) {
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(read(path)) as Manifest;
  const all = Object.keys({ ...dependencies, ...peerDependencies });
  for (const name of all.filter((one) => !one.startsWith('@tidemark/'))) {
    used.set(name, [...(used.get(name) ?? []), path.split('/')[1]!]);
  }
}

const listed = new Map<string, string>();
for (const [, name, by] of read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)) {
  listed.set(name!, by!.trim());
}

const problems: string[] = [];
for (const [name, by] of used) {
  const users = by.toSorted().join(', ');
  if (listed.get(name) !== users) {
    problems.push(`${name} is used by ${users}; docs say: ${listed.get(name) ?? 'nothing'}`);
  }
}
for (const name of listed.keys())
  if (!used.has(name)) problems.push(`${name} is not used any more`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
