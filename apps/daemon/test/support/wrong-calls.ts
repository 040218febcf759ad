type Calls = readonly (readonly [string, unknown])[];

const file = { driver: 'file', filename: 'r.raw' };

function each(command: string, ...all: readonly unknown[]): Calls {
  return all.map((args) => [command, args]);
}

function ofNodes(): Calls {
  return [
    ...each(
      'blockdev-add',
      {},
      { driver: 'bogus', 'node-name': 'x' },
      { driver: 1, 'node-name': 'x' },
      { driver: 'file', 'node-name': 'x' },
      { driver: 'file', filename: 'r.raw' },
      { driver: 'file', 'node-name': 'x', filename: 7 },
      { driver: 'file', 'node-name': '1x', filename: 'r.raw' },
      { driver: 'file', 'node-name': '', filename: 'r.raw' },
      { driver: 'file', 'node-name': 'x'.repeat(32), filename: 'r.raw' },
      { driver: 'file', 'node-name': 'q', filename: 'r.raw' },
      { driver: 'file', 'node-name': 'x', filename: 'none' },
      { driver: 'file', 'node-name': 'x', filename: '.' },
      { driver: 'file', 'node-name': 'x', filename: '/dev/zero' },
      { driver: 'host_device', 'node-name': 'x', filename: 'r.raw' },
      { ...file, 'node-name': 'x', extra: 1 },
      { ...file, 'node-name': 'x', aio: 'bogus' },
      { ...file, 'node-name': 'x', locking: 'maybe' },
      { ...file, 'node-name': 'x', 'read-only': 'yes' },
      { ...file, 'node-name': 'x', 'force-share': true },
      { ...file, 'node-name': 'x', cache: { direct: true, x: 1 } },
      { ...file, 'node-name': 'x', discard: 'maybe' },
      { driver: 'qcow2', 'node-name': 'x' },
      { driver: 'qcow2', 'node-name': 'x', file: 'none' },
      { driver: 'qcow2', 'node-name': 'x', file: 3 },
      { driver: 'qcow2', 'node-name': 'x', file: null },
      { driver: 'qcow2', 'node-name': 'x', file: {} },
      { driver: 'qcow2', 'node-name': 'x', file: { driver: 'file' } },
      { driver: 'qcow2', 'node-name': 'x', file: { driver: 'file', filename: 'none' } },
      { driver: 'qcow2', 'node-name': 'x', file: { driver: 'file', filename: 'spare.raw' } },
      { driver: 'qcow2', 'node-name': 'x', file: 'n', backing: 5 },
      { driver: 'raw', 'node-name': 'x', file: { driver: 'null-co', size: 1024 }, size: 513 },
      { driver: 'raw', 'node-name': 'x', file: { driver: 'null-co', size: 1024 }, size: 4096 },
      { driver: 'raw', 'node-name': 'x', file: { driver: 'null-co', size: 1024 }, offset: 4096 },
      { driver: 'raw', 'node-name': 'x', file: { driver: 'null-co', size: 1024 }, offset: 'x' },
      { driver: 'nbd', 'node-name': 'x' },
      { driver: 'nbd', 'node-name': 'x', server: { type: 'bogus' } },
      { driver: 'nbd', 'node-name': 'x', server: { type: 'unix' } },
      { driver: 'nbd', 'node-name': 'x', server: { type: 'inet', host: 'localhost' } },
    ),
    ...each('blockdev-del', {}, { 'node-name': 'none' }, { 'node-name': 1 }, { 'node-name': 'q' }),
    ...each('blockdev-del', { 'node-name': 'qf' }, { 'node-name': 'q', extra: 1 }),
    ...each(
      'blockdev-reopen',
      {},
      { options: 1 },
      { options: [{}] },
      { options: [{ driver: 'raw', file: 'rf' }] },
      { options: [{ driver: 'raw', 'node-name': 'none', file: 'rf' }] },
      { options: [{ driver: 'raw', 'node-name': 'r' }] },
    ),
    ...each(
      'block_resize',
      {},
      { 'node-name': 'none', size: 512 },
      { 'node-name': 'r', size: -1 },
      { 'node-name': 'r', size: 'x' },
      { 'node-name': 'q', size: 4194304 },
    ),
    ...each('query-named-block-nodes', { flat: 1 }, { extra: 1 }),
    ...each('query-block', { extra: 1 }),
    ...each('query-version', { extra: 1 }),
    ...each('query-commands', { extra: 1 }),
    ...each('no-such-command', {}),
  ];
}

function ofServer(): Calls {
  const unix = { type: 'unix', data: { path: 'other.sock' } };
  return [
    ...each(
      'nbd-server-start',
      {},
      { addr: 1 },
      { addr: {} },
      { addr: { type: 'unix', path: 'x' } },
      { addr: { type: 'unix', data: {} } },
      { addr: { type: 'bogus', data: {} } },
      { addr: { type: 'inet', data: { host: 'localhost' } } },
      { addr: { type: 'inet', data: { host: 'localhost', port: 1 } } },
      { addr: unix },
      { addr: unix, 'max-connections': -1 },
      { addr: unix, 'max-connections': '1' },
      { addr: unix, extra: 1 },
    ),
    ...each('nbd-server-stop', { extra: 1 }),
    ...each(
      'nbd-server-add',
      {},
      { device: 'none' },
      { device: 'r', bitmap: 'none' },
      { device: 1 },
      { device: 'r', name: 'q' },
      { device: 'q' },
      { device: 'r', extra: 1 },
    ),
    ...each('nbd-server-remove', {}, { name: 'none' }, { name: 1 }, { name: 'eq', mode: 'maybe' }),
  ];
}

function ofExports(): Calls {
  const r = { type: 'nbd', id: 'x', 'node-name': 'r' };
  return [
    ...each(
      'block-export-add',
      {},
      { type: 'bogus' },
      { type: 'nbd' },
      { type: 'nbd', id: 'x' },
      { type: 'nbd', id: 1, 'node-name': 'r' },
      { ...r, id: '1x' },
      { ...r, id: 'eq' },
      { ...r, 'node-name': 'none' },
      { ...r, name: 'q' },
      { ...r, name: 'x'.repeat(4097) },
      { ...r, description: 'x'.repeat(4097) },
      { ...r, extra: 1 },
      { ...r, writable: 'on' },
      { ...r, iothread: 'none' },
      { ...r, bitmaps: 'b' },
      { ...r, bitmaps: [1] },
      { ...r, bitmaps: ['none'] },
      { ...r, bitmaps: [{ node: 'none', name: 'b' }] },
      { ...r, bitmaps: [{ node: 'r', name: 'none' }] },
      { ...r, bitmaps: [{ node: 'r' }] },
      { ...r, 'node-name': 'q', name: 'q2', bitmaps: ['busy'], writable: true },
      { ...r, 'node-name': 'q', name: 'q2', bitmaps: ['idle'] },
      { ...r, 'node-name': 'ro', name: 'q2', writable: true },
    ),
    ...each('block-export-del', {}, { id: 'none' }, { id: 1 }, { id: 'eq', mode: 'maybe' }),
    ...each('query-block-exports', { extra: 1 }),
  ];
}

function ofBackups(): Calls {
  const b = { 'job-id': 'j', device: 'q', target: 't', sync: 'full' };
  const wrong: unknown[] = [
    {},
    { device: 'q' },
    { device: 'q', target: 't' },
    { ...b, sync: 'bogus' },
    { ...b, sync: 1 },
    { ...b, device: 'none' },
    { ...b, target: 'none' },
    { ...b, target: 'q' },
    { ...b, target: 'n' },
    { ...b, 'job-id': '1j' },
    { device: 'q', target: 't', sync: 'full' },
    { ...b, sync: 'incremental' },
    { ...b, sync: 'bitmap' },
    { ...b, sync: 'incremental', bitmap: 'none' },
    { ...b, sync: 'incremental', bitmap: 'busy' },
    { ...b, sync: 'incremental', bitmap: 'idle', 'bitmap-mode': 'always' },
    { ...b, sync: 'bitmap', bitmap: 'idle' },
    { ...b, bitmap: 'idle' },
    { ...b, 'bitmap-mode': 'always' },
    { ...b, sync: 'none', bitmap: 'idle', 'bitmap-mode': 'always' },
    { ...b, bitmap: 'idle', 'bitmap-mode': 'never' },
    { ...b, sync: 'top', bitmap: 'idle', 'bitmap-mode': 'never' },
    { ...b, bitmap: 'idle', 'bitmap-mode': 'maybe' },
    { ...b, speed: '1' },
    { ...b, speed: 1.5 },
    { ...b, speed: -1 },
    { ...b, 'on-source-error': 'bogus' },
    { ...b, 'on-target-error': 1 },
    { ...b, 'auto-finalize': 'no' },
    { ...b, 'filter-node-name': '1x' },
    { ...b, 'x-perf': { 'max-workers': 0 } },
    { ...b, 'x-perf': { 'max-chunk': -1 } },
    { ...b, 'x-perf': 1 },
    { ...b, extra: 1 },
  ];
  const inTransaction = wrong.map((data) => ({
    actions: [
      { type: 'block-dirty-bitmap-add', data: { node: 'r', name: 'made' } },
      { type: 'blockdev-backup', data },
    ],
  }));
  const onto = { 'job-id': 'j', device: 'q', sync: 'full' };
  return [
    ...each('blockdev-backup', ...wrong),
    ...each('transaction', ...inTransaction),
    ...each(
      'drive-backup',
      {},
      { ...onto },
      { ...onto, target: 'no/folder' },
      { ...onto, target: 'new', format: 'bogus' },
      { ...onto, target: 'new', mode: 'bogus' },
      { ...onto, target: 'none', mode: 'existing' },
      { ...onto, target: 'new', device: 'none' },
      { ...onto, target: 'new', extra: 1 },
    ),
  ];
}

function ofJobs(): Calls {
  const byId = ['job-pause', 'job-resume', 'job-cancel', 'job-complete', 'job-finalize'];
  const byDevice = ['pause', 'resume', 'cancel', 'complete'].map((verb) => `block-job-${verb}`);
  return [
    ...[...byId, 'job-dismiss', 'block-job-finalize', 'block-job-dismiss'].flatMap((command) =>
      each(command, {}, { id: 'none' }, { id: 1 }, { id: 'none', extra: 1 }),
    ),
    ...byDevice.flatMap((command) => each(command, {}, { device: 'none' }, { device: 1 })),
    ...each('block-job-cancel', { device: 'none', force: 1 }),
    ...each('block-job-set-speed', {}, { device: 'none' }, { device: 'none', speed: 'x' }),
    ...each('block-job-set-speed', { device: 'none', speed: 1 }),
    ...each('query-jobs', { extra: 1 }),
    ...each('query-block-jobs', { extra: 1 }),
  ];
}

function ofBitmaps(): Calls {
  const busy = { node: 'q', name: 'busy' };
  const none = { node: 'q', name: 'none' };
  const inNone = { node: 'none', name: 'busy' };
  const all = ['remove', 'clear', 'enable', 'disable'].map((verb) => `block-dirty-bitmap-${verb}`);
  return [
    ...all.flatMap((command) =>
      each(command, {}, { node: 'q' }, { ...busy, node: 1 }, busy, none, inNone, {
        ...busy,
        extra: 1,
      }),
    ),
    ...each(
      'block-dirty-bitmap-add',
      {},
      { ...none, granularity: 1000 },
      { ...none, granularity: '64k' },
      { ...none, persistent: 1 },
      { ...none, name: '' },
      { ...none, name: 'x'.repeat(1024) },
      { ...none, name: 'x'.repeat(1024), persistent: true },
      busy,
      inNone,
    ),
    ...each(
      'block-dirty-bitmap-merge',
      {},
      { node: 'q', target: 'busy', bitmaps: ['idle'] },
      { node: 'q', target: 'idle', bitmaps: ['busy'] },
      { node: 'q', target: 'idle', bitmaps: ['none'] },
      { node: 'q', target: 'idle', bitmaps: [{ node: 'none', name: 'x' }] },
      { node: 'q', target: 'idle', bitmaps: [1] },
      { node: 'q', target: 'idle', bitmaps: 'idle' },
    ),
    ...each('x-debug-block-dirty-bitmap-sha256', {}, none, inNone),
    ...each(
      'transaction',
      {},
      { actions: 1 },
      { actions: [1] },
      { actions: [{ type: 'bogus', data: {} }] },
      { actions: [{ type: 'abort' }] },
      { actions: [{ type: 'abort', data: {} }] },
      { actions: [{ type: 'block-dirty-bitmap-clear', data: busy }] },
      {
        actions: [{ type: 'block-dirty-bitmap-clear', data: { ...busy, name: 'idle' } }],
        properties: { 'completion-mode': 'grouped' },
      },
      { actions: [], properties: { 'completion-mode': 'some' } },
    ),
  ];
}

/** Calls that must fail, on nodes q (qcow2, whose bitmap `busy` is exported), r (raw) and n (null-co). */
export const wrongCalls: readonly (readonly [command: string, args: unknown])[] = [
  ...ofNodes(),
  ...ofServer(),
  ...ofExports(),
  ...ofBackups(),
  ...ofJobs(),
  ...ofBitmaps(),
];
