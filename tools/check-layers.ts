// Fails when a package imports against the direction of ARCHITECTURE.md, "Layers".
import { globSync, readFileSync } from 'node:fs';

/** What each package's sources may import, besides Node's own modules and its npm dependencies. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  block: ['core'],
  qcow2: ['core', 'block'],
  checkpoint: ['core', 'block'],
  tracking: ['core', 'block', 'checkpoint'],
  'unix-socket': ['core'],
  nbd: ['core', 'block', 'unix-socket'],
  qmp: ['core', 'unix-socket'],
  backup: ['core', 'block'],
  'object-store': ['core'],
  'object-store-s3': ['core', 'object-store'],
  repository: ['core', 'block', 'backup', 'object-store'],
  doctor: ['core', 'block', 'qcow2'],
  'store-memory': ['core'],
  'store-qcow2': ['core', 'block', 'qcow2'],
  'store-sidecar': ['core', 'block', 'qcow2'],
  imageio: ['core', 'block'],
  'xo-disk': ['core', 'block'],
  'csi-metadata': ['core', 'repository', 'unix-socket'],
  program: ['core'],
  http: ['core', 'unix-socket'],
  picture: ['core'],
  drive: [
    'core',
    'block',
    'nbd',
    'qcow2',
    'checkpoint',
    'doctor',
    'tracking',
    'store-memory',
    'store-qcow2',
    'store-sidecar',
  ],
  graph: [
    'core',
    'block',
    'qcow2',
    'checkpoint',
    'tracking',
    'unix-socket',
    'nbd',
    'store-memory',
    'drive',
  ],
  img: ['core', 'block', 'qcow2', 'store-qcow2', 'store-sidecar', 'doctor'],
  'nbd-program': ['core', 'img', 'nbd', 'drive', 'program'],
  cli: [
    'core',
    'img',
    'nbd-program',
    'picture',
    'program',
    'block',
    'doctor',
    'drive',
    'checkpoint',
    'tracking',
    'backup',
    'object-store',
    'object-store-s3',
    'repository',
    'nbd',
    'qmp',
  ],
  dashboard: ['http'],
  daemon: [
    'core',
    'program',
    'block',
    'drive',
    'checkpoint',
    'tracking',
    'backup',
    'nbd',
    'qmp',
    'graph',
    'unix-socket',
    'http',
    'object-store',
    'object-store-s3',
    'repository',
    'imageio',
    'csi-metadata',
  ],
};

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const problems: string[] = [];
const root = new URL('../', import.meta.url).pathname;

for (const manifestPath of globSync('{packages,apps}/*/package.json', { cwd: root })) {
  const folder = manifestPath.replace('/package.json', '');
  const name = folder.split('/')[1]!;
  const allowed = ALLOWED[name];
  if (allowed === undefined) {
    problems.push(`${folder}: has no place in tools/check-layers.ts`);
    continue;
  }
  const manifest = JSON.parse(readFileSync(root + manifestPath, 'utf8')) as Manifest;
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const dependency of declared) {
    const target = /^@tidemark\/(.+)$/.exec(dependency)?.[1];
    if (target !== undefined && !allowed.includes(target)) {
      problems.push(`${manifestPath}: depends on ${dependency}, against the layers`);
    }
  }
  for (const source of globSync(`${folder}/src/**/*.{ts,tsx}`, { cwd: root })) {
    const text = readFileSync(root + source, 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      const problem = judge(specifier!, source, allowed, declared);
      if (problem !== undefined) problems.push(`${source}: ${problem}`);
    }
  }
}

function judge(
  specifier: string,
  source: string,
  allowed: readonly string[],
  declared: readonly string[],
): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  if (specifier.startsWith('.')) {
    const depth = source.split('/').length - 3;
    const leaves = specifier.split('/').filter((part) => part === '..').length >= depth;
    return leaves && depth > 0 ? `imports ${specifier}, which leaves its package` : undefined;
  }
  const dependency = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const target = /^@tidemark\/(.+)$/.exec(dependency)?.[1];
  if (target !== undefined && !allowed.includes(target)) {
    return `imports ${specifier}, against the layers`;
  }
  return declared.includes(dependency) ? undefined : `imports ${specifier} without declaring it`;
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
