/** Calls that must fail, and what QEMU 7.2 says of them; its nodes are n0, and r0 without a store. */
export const wrongCalls: readonly (readonly [request: string, desc: string])[] = [
  ['[1]', 'QMP input must be a JSON object'],
  ['{"execute":1}', "QMP input member 'execute' must be a string"],
  ['{"id":3}', "QMP input lacks member 'execute'"],
  ['{"execute":"query-block","foo":1}', "QMP input member 'foo' is unexpected"],
  ['{"execute":"query-block","arguments":3}', "QMP input member 'arguments' must be an object"],
  ['{"execute":"query-block","arguments":{"a":1}}', "Parameter 'a' is unexpected"],
  ['{"execute":"query-block","execute":"query-block"}', 'JSON parse error, duplicate key'],
  ['{"execute":"query-block",}', 'JSON parse error, expecting value'],
  ['{"execute":"query-block" "id":5}', 'JSON parse error, expected separator in dict'],
  [
    call('query-named-block-nodes', { flat: 1 }),
    "Invalid parameter type for 'flat', expected: boolean",
  ],
  [
    call('query-blockstats', { 'query-nodes': 1 }),
    "Invalid parameter type for 'query-nodes', expected: boolean",
  ],
  ...withBitmapAdd(),
  ...withOthers(),
  ...withTransaction(),
];

function call(execute: string, args?: unknown): string {
  return JSON.stringify({ execute, arguments: args });
}

function withBitmapAdd(): [string, string][] {
  const add = (args?: unknown) => call('block-dirty-bitmap-add', args);
  const n0 = { node: 'n0', name: 'b' };
  return [
    [add(), "Parameter 'node' is missing"],
    [add({ node: 'n0' }), "Parameter 'name' is missing"],
    [add({ node: 1, name: 'x' }), "Invalid parameter type for 'node', expected: string"],
    [add({ node: 'n0', name: null }), "Invalid parameter type for 'name', expected: string"],
    [add({ ...n0, granularity: '65536' }), "Parameter 'granularity' expects uint64"],
    [add({ ...n0, granularity: 1.5 }), "Parameter 'granularity' expects uint64"],
    [add({ ...n0, granularity: -1 }), "Parameter 'granularity' expects uint32_t"],
    [add({ ...n0, granularity: 2 ** 32 }), "Parameter 'granularity' expects uint32_t"],
    [add({ ...n0, persistent: 1 }), "Invalid parameter type for 'persistent', expected: boolean"],
    [add({ ...n0, extra: 1 }), "Parameter 'extra' is unexpected"],
    [add({ node: 'n0', name: '' }), 'Bitmap name cannot be empty'],
    [add({ node: 'zz', name: 'b' }), "Cannot find device='zz' nor node-name='zz'"],
  ];
}

function withResize(): [string, string][] {
  const resize = (args: unknown) => call('block_resize', args);
  const integer = "Invalid parameter type for 'size', expected: integer";
  return [
    [resize({ 'node-name': 'n0' }), "Parameter 'size' is missing"],
    [resize({ 'node-name': 'n0', size: '1M' }), integer],
    [resize({ 'node-name': 'n0', size: 1.5 }), integer],
    [resize({ 'node-name': 'n0', size: -1 }), "Parameter 'size' expects a >0 size"],
    [resize({ 'node-name': 'zz', size: -1 }), "Cannot find device='' nor node-name='zz'"],
    [resize({ device: 'zz', size: 512 }), "Cannot find device='zz' nor node-name=''"],
    [resize({ size: 512 }), "Cannot find device='' nor node-name=''"],
  ];
}

function withOthers(): [string, string][] {
  const merge = (bitmaps: unknown) =>
    call('block-dirty-bitmap-merge', { node: 'n0', target: 'b', bitmaps });
  const neither = "Invalid parameter type for 'null', expected: BlockDirtyBitmapOrStr";
  return [
    ...withResize(),
    [call('block-dirty-bitmap-remove', { node: 'zz', name: 'b' }), "Node 'zz' not found"],
    [call('block-dirty-bitmap-clear', { node: 'n0', name: 'zz' }), "Dirty bitmap 'zz' not found"],
    [call('block-dirty-bitmap-enable', { node: 'n0', name: 'zz' }), "Dirty bitmap 'zz' not found"],
    [
      call('x-debug-block-dirty-bitmap-sha256', { node: 'n0', name: 'zz' }),
      "Dirty bitmap 'zz' not found",
    ],
    [merge(undefined), "Parameter 'bitmaps' is missing"],
    [merge('b'), "Invalid parameter type for 'bitmaps', expected: array"],
    [merge([1]), neither],
    [merge(['b', true]), neither],
    [merge([{ node: 'n0' }]), "Parameter 'bitmaps[0].name' is missing"],
    [
      merge([{ node: 'n0', name: 1 }]),
      "Invalid parameter type for 'bitmaps[0].name', expected: string",
    ],
    [merge([{ node: 'n0', name: 'b', x: 1 }]), "Parameter 'bitmaps[0].x' is unexpected"],
  ];
}

function withTransaction(): [string, string][] {
  const transaction = (...actions: unknown[]) => call('transaction', { actions });
  const withMode = (mode: string, ...actions: unknown[]) =>
    call('transaction', { actions, properties: { 'completion-mode': mode } });
  const clear = { type: 'block-dirty-bitmap-clear', data: { node: 'n0', name: 'b' } };
  const abort = { type: 'abort', data: {} };
  return [
    [call('transaction'), "Parameter 'actions' is missing"],
    [call('transaction', { actions: 1 }), "Invalid parameter type for 'actions', expected: array"],
    [transaction(1), "Invalid parameter type for 'actions[0]', expected: object"],
    [transaction({ type: 'bogus', data: {} }), "Parameter 'type' does not accept value 'bogus'"],
    [transaction({ data: {} }), "Parameter 'actions[0].type' is missing"],
    [transaction({ type: 'abort' }), "Parameter 'actions[0].data' is missing"],
    [transaction({ type: 'abort', data: { x: 1 } }), "Parameter 'actions[0].data.x' is unexpected"],
    [transaction({ ...abort, z: 1 }), "Parameter 'actions[0].z' is unexpected"],
    [
      transaction({ type: 'block-dirty-bitmap-add', data: { node: 'n0' } }),
      "Parameter 'actions[0].data.name' is missing",
    ],
    [
      transaction({ type: 'block-dirty-bitmap-add', data: { node: 'zz', name: 'q' } }),
      "Cannot find device='zz' nor node-name='zz'",
    ],
    [
      transaction({ type: 'block-dirty-bitmap-clear', data: { node: 'zz', name: 'q' } }),
      "Node 'zz' not found",
    ],
    [transaction(abort), 'Transaction aborted using Abort action'],
    [withMode('grouped', abort), 'Transaction aborted using Abort action'],
    [
      withMode('grouped', clear),
      "Action 'block-dirty-bitmap-clear' does not support Transaction property completion-mode = grouped",
    ],
    [withMode('foo'), "Parameter 'completion-mode' does not accept value 'foo'"],
  ];
}
