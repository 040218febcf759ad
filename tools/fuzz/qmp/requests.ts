import type { Random } from '../random.ts';

const NODES = ['a', 'b', 'none', '', 'é', 'x'.repeat(40)];
const NAMES = ['one', 'two', 'none', '', 'x'.repeat(1030)];

const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
  ['block-dirty-bitmap-add', ['node', 'name', 'granularity', 'persistent', 'disabled']],
  ['block-dirty-bitmap-remove', ['node', 'name']],
  ['block-dirty-bitmap-clear', ['node', 'name']],
  ['block-dirty-bitmap-enable', ['node', 'name']],
  ['block-dirty-bitmap-disable', ['node', 'name']],
  ['block-dirty-bitmap-merge', ['node', 'target', 'bitmaps']],
  ['x-debug-block-dirty-bitmap-sha256', ['node', 'name']],
  ['blockdev-add', ['driver', 'node-name', 'filename', 'file', 'size', 'read-only']],
  ['blockdev-del', ['node-name']],
  ['blockdev-reopen', ['options']],
  ['block_resize', ['node-name', 'device', 'size']],
  ['nbd-server-start', ['addr', 'max-connections']],
  ['block-export-add', ['type', 'id', 'node-name', 'writable', 'bitmaps', 'name']],
  ['block-export-del', ['id', 'mode']],
  ['blockdev-backup', ['job-id', 'device', 'target', 'sync', 'bitmap', 'bitmap-mode', 'speed']],
  ['transaction', ['actions', 'properties']],
  ['job-cancel', ['id']],
  ['job-pause', ['id']],
  ['job-dismiss', ['id']],
  ['block-job-set-speed', ['device', 'speed']],
  ['query-named-block-nodes', ['flat']],
  ['query-block-exports', []],
  ['query-jobs', []],
  ['query-version', []],
  ['bogus', ['x']],
];

/** Characters that begin, end or break what a parser is in. */
const NOISE = [
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  ',',
  ':',
  '\\',
  '\u0000',
  '\u0001',
  '\n',
  '1e999',
  '-',
];

/** A request with this id, right or wrong, or text that is none. */
export function fuzzedRequest(random: Random, id: string): string {
  const pick = <T>(list: readonly T[]): T => random.pick(list);
  const [command, members] = pick(COMMANDS);
  const args = Object.fromEntries(
    members.filter(() => random.below(5) > 0).map((member) => [member, valueOf(member, random)]),
  );
  const extra = random.below(12) === 0 ? { [pick(['x', 'execute', '__proto__'])]: 1 } : {};
  return JSON.stringify({ execute: command, id, arguments: { ...args, ...extra } });
}

/** What is no request, and ends what is half read. */
export function noise(random: Random): string {
  let text = '';
  for (let left = random.below(6); left >= 0; left--) text += NOISE[random.below(NOISE.length)]!;
  // A byte that is not allowed anywhere begins anew.
  return `${text}\u0001`;
}

function valueOf(member: string, random: Random): unknown {
  const pick = <T>(list: readonly T[]): T => random.pick(list);
  if (random.below(6) === 0)
    return pick([null, true, 0, -1, 1.5, 2 ** 53, '', 'x', [], [1], {}, { a: 1 }]);
  switch (member) {
    case 'node':
    case 'node-name':
    case 'device':
    case 'file':
      return pick(NODES);
    case 'name':
    case 'bitmap':
    case 'id':
    case 'job-id':
      return pick(NAMES);
    case 'target':
      return pick([...NODES, ...NAMES]);
    case 'bitmaps':
      return [pick(NAMES), { node: pick(NODES), name: pick(NAMES) }].slice(random.below(3));
    case 'granularity':
    case 'size':
    case 'speed':
      return pick([512, 65_536, 1000, 2 ** 20, 2 ** 31, 2 ** 40]);
    case 'driver':
      return pick(['memory', 'null-co', 'raw', 'file', 'qcow2', 'bogus']);
    case 'sync':
      return pick(['full', 'none', 'incremental', 'bitmap', 'top']);
    case 'bitmap-mode':
      return pick(['on-success', 'always', 'never']);
    case 'type':
      return 'nbd';
    case 'mode':
      return pick(['safe', 'hard']);
    case 'actions':
      return Array.from({ length: random.below(4) }, () => actionOf(random));
    default:
      return pick([true, false]);
  }
}

function actionOf(random: Random): unknown {
  const { execute, arguments: data }: { execute: string; arguments: unknown } = JSON.parse(
    fuzzedRequest(random, ''),
  );
  return random.below(8) === 0 ? { type: 'abort', data: {} } : { type: execute, data };
}
