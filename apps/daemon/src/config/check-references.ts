import type { Config } from './schema.ts';
import { nameOf } from './describe-issue.ts';
import type { ConfigDocument } from './document.ts';
import { nearest } from './nearest.ts';
import type { ListenConfig } from './serving-schema.ts';

type Keys = readonly (string | number)[];

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

/** What is right by itself and wrong beside the rest. */
export function checkReferences(config: Config, document: ConfigDocument): readonly string[] {
  const problems: string[] = [];
  const tell = (keys: Keys, text: string, of: 'value' | 'key' = 'value') =>
    problems.push(`${document.place(keys, of)}: ${nameOf(keys)}: ${text}`);
  checkFiles(config, tell);
  checkNodes(config, tell);
  checkExports(config, tell);
  checkNbd(config, tell);
  checkHttp(config, tell);
  checkImageio(config, tell);
  checkCsi(config, tell);
  checkSockets(config, tell);
  return problems;
}

type Tell = (keys: Keys, text: string, of?: 'value' | 'key') => void;

function checkFiles({ drives }: Config, tell: Tell): void {
  const writers = new Map<string, string>();
  const readers = new Map<string, string>();
  for (const [name, drive] of Object.entries(drives)) {
    if (!('file' in drive)) continue;
    const { file, 'read-only': readOnly = false } = drive;
    const other = writers.get(file) ?? (readOnly ? undefined : readers.get(file));
    if (other !== undefined)
      tell(['drives', name, 'file'], `drive '${other}' is this file already`);
    (readOnly ? readers : writers).set(file, name);
  }
}

/** Names of drives inside nodes, and of a node itself. */
function checkNodes({ drives }: Config, tell: Tell): void {
  for (const [name, drive] of Object.entries(drives)) {
    if (!('node' in drive)) continue;
    if (drive.node['node-name'] !== undefined) {
      tell(['drives', name, 'node', 'node-name'], "the drive's own key is its name", 'key');
    }
    for (const { keys, child } of childNames(drive.node)) {
      const path = ['drives', name, 'node', ...keys];
      if (!Object.hasOwn(drives, child)) tell(path, unknownDrive(child, drives));
      else if (leadsTo(child, name, drives)) tell(path, `it leads back to '${name}'`);
    }
  }
}

interface Child {
  readonly keys: readonly string[];
  readonly child: string;
}

/** The nodes that a node's options name. */
export function childNames(node: object): readonly Child[] {
  const found: Child[] = [];
  for (const role of ['file', 'backing', 'data-file']) {
    const child: unknown = Reflect.get(node, role);
    if (typeof child === 'string') found.push({ keys: [role], child });
    if (typeof child !== 'object' || child === null) continue;
    for (const { keys, child: inner } of childNames(child)) {
      found.push({ keys: [role, ...keys], child: inner });
    }
  }
  return found;
}

function leadsTo(
  from: string,
  to: string,
  drives: Config['drives'],
  seen: Set<string> = new Set(),
): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  const drive = Object.hasOwn(drives, from) ? drives[from] : undefined;
  if (drive === undefined || !('node' in drive)) return false;
  return childNames(drive.node).some(({ child }) => leadsTo(child, to, drives, seen));
}

function checkExports({ drives, exports, nbd }: Config, tell: Tell): void {
  const names = new Map<string, string>();
  for (const [id, { drive, name = id, 'read-only': readOnly }] of Object.entries(exports)) {
    if (nbd === undefined) tell(['exports', id], 'there is no NBD server: add nbd', 'key');
    const of = Object.hasOwn(drives, drive) ? drives[drive] : undefined;
    if (of === undefined) tell(['exports', id, 'drive'], unknownDrive(drive, drives));
    const other = names.get(name);
    const at: Keys = ['exports', id, 'name'];
    if (other !== undefined) tell(at, `export '${other}' has the name '${name}' already`);
    names.set(name, id);
    const isReadOnly = of !== undefined && 'file' in of && of['read-only'] === true;
    if (isReadOnly && readOnly === false) {
      tell(['exports', id, 'read-only'], `drive '${drive}' is read-only`);
    }
  }
}

function checkNbd({ nbd, metrics }: Config, tell: Tell): void {
  if (nbd !== undefined && !isOfThisMachine(nbd.listen) && nbd.tls === undefined && !nbd.exposed) {
    tell(['nbd', 'listen', 'host'], 'other machines reach it: add nbd.tls, or nbd.exposed: true');
  }
  if (nbd?.tls?.allow !== undefined && nbd.tls['verify-peer'] === false) {
    tell(['nbd', 'tls', 'allow'], 'a client that need not prove its name has none');
  }
  if (metrics !== undefined && !isOfThisMachine(metrics.listen)) {
    tell(['metrics', 'listen', 'host'], 'other machines reach it: use 127.0.0.1, ::1 or unix');
  }
}

function checkHttp({ http, repositories }: Config, tell: Tell): void {
  if (http === undefined && repositories !== undefined) {
    tell(['repositories'], 'nobody is told of them: add http', 'key');
  }
  if (http === undefined || isOfThisMachine(http.listen)) return;
  if (http['token-file'] !== undefined) return;
  tell(['http', 'listen', 'host'], 'other machines reach it: add http.token-file');
}

/** Characters of an id that nobody guesses, as a UUID has 36. */
const SECRET_LENGTH = 32;

function checkImageio({ drives, imageio }: Config, tell: Tell): void {
  if (imageio === undefined) return;
  const { listen, tls, images } = imageio;
  const isReached = !isOfThisMachine(listen);
  if (isReached && tls === undefined) {
    tell(['imageio', 'listen', 'host'], 'other machines reach it: add imageio.tls');
  }
  for (const [id, { drive }] of Object.entries(images)) {
    if (!Object.hasOwn(drives, drive)) {
      tell(['imageio', 'images', id, 'drive'], unknownDrive(drive, drives));
    }
    if (isReached && id.length < SECRET_LENGTH) {
      const text =
        'who knows this id reads the drive: make it 32 characters or more, as of uuidgen';
      tell(['imageio', 'images', id], text, 'key');
    }
  }
}

function checkCsi({ 'csi-metadata': csi }: Config, tell: Tell): void {
  if (csi?.['passphrase-file'] === undefined || csi['key-file'] === undefined) return;
  tell(['csi-metadata', 'key-file'], 'there is a passphrase-file: leave one of them out', 'key');
}

function isOfThisMachine(listen: ListenConfig): boolean {
  return 'unix' in listen || LOOPBACK.includes(listen.host);
}

function checkSockets(config: Config, tell: Tell): void {
  const { nbd, qmp, metrics, http, imageio, 'csi-metadata': csi } = config;
  const taken = new Map<string, string>();
  const claim = (listen: ListenConfig, keys: Keys) => {
    const address = 'unix' in listen ? listen.unix : `${listen.host}:${listen.port}`;
    const other = taken.get(address);
    if (other !== undefined && !address.endsWith(':0'))
      tell(keys, `${other} listens there already`);
    taken.set(address, nameOf(keys));
  };
  if (nbd !== undefined) claim(nbd.listen, ['nbd', 'listen']);
  for (const [index, monitor] of qmp.entries()) claim(monitor, ['qmp', index]);
  if (metrics !== undefined) claim(metrics.listen, ['metrics', 'listen']);
  if (http !== undefined) claim(http.listen, ['http', 'listen']);
  if (imageio !== undefined) claim(imageio.listen, ['imageio', 'listen']);
  if (csi !== undefined) claim(csi.listen, ['csi-metadata', 'listen']);
}

function unknownDrive(name: string, drives: Config['drives']): string {
  const known = Object.keys(drives);
  const meant = nearest(name, known);
  const guess = meant === undefined ? '' : `: did you mean '${meant}'?`;
  return `there is no drive '${name}'${guess}`;
}
