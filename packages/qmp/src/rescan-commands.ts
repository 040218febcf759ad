import * as v from 'valibot';
import { findNode } from './bitmap-actions.ts';
import type { JsonObject } from './json/json-value.ts';
import { members } from './schema.ts';
import type { QmpRescan, QmpTarget } from './target.ts';

export const rescanArguments = members({
  node: v.string(),
  name: v.string(),
  directory: v.string(),
  point: v.exactOptional(v.string()),
  'drive-id': v.exactOptional(v.string()),
  all: v.exactOptional(v.boolean()),
});

export async function beginRescan(
  target: QmpTarget,
  { 'drive-id': driveId, ...request }: v.InferOutput<typeof rescanArguments>,
): Promise<JsonObject> {
  findNode(target, request.node);
  await target.rescans.begin({ ...request, ...(driveId !== undefined && { driveId }) });
  return {};
}

export function describeRescan({ error, trusts, ...rescan }: QmpRescan): JsonObject {
  const told = { ...rescan, ...(trusts !== undefined && { trusts }) };
  return { ...told, ...(error !== undefined && { error }) };
}
