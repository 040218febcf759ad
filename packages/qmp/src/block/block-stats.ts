import * as v from 'valibot';
import { type Command, command } from '../command.ts';
import type { JsonObject } from '../json/json-value.ts';
import { members } from '../schema.ts';
import type { QmpNode, QmpRequestCount } from '../target.ts';

const Arguments = members({ 'query-nodes': v.exactOptional(v.boolean()) });

/**
 * qapi `query-blockstats`. No node belongs to a device, so there is something to tell of nodes only:
 * what clients have asked of them.
 */
export const queryBlockStats: Command = command(Arguments, ({ target }, args) => {
  if (args['query-nodes'] !== true) return [];
  return [...target.nodes().values()].map((node) => ({
    'node-name': node.name,
    stats: statsOf(node),
  }));
});

/** qapi BlockDeviceStats, with all members that QEMU has. Nothing is timed. */
function statsOf(node: QmpNode): JsonObject {
  const { read, write, flush, unmap } = node.counts();
  return {
    ...countsOf('rd', read),
    ...countsOf('wr', write),
    ...countsOf('unmap', unmap),
    flush_operations: flush.requests - flush.errors,
    failed_flush_operations: flush.errors,
    invalid_flush_operations: 0,
    flush_total_time_ns: 0,
    wr_highest_offset: 0,
    account_invalid: false,
    account_failed: false,
    timed_stats: [],
  };
}

function countsOf(name: string, { requests, bytes, errors }: QmpRequestCount): JsonObject {
  return {
    [`${name}_bytes`]: bytes,
    [`${name}_operations`]: requests - errors,
    [`${name}_merged`]: 0,
    [`${name}_total_time_ns`]: 0,
    [`failed_${name}_operations`]: errors,
    [`invalid_${name}_operations`]: 0,
  };
}
