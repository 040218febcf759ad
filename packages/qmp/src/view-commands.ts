import * as v from 'valibot';
import { findNode } from './bitmap-actions.ts';
import { QmpError } from './errors.ts';
import type { JsonObject } from './json/json-value.ts';
import { members } from './schema.ts';
import type { QmpTarget, QmpView } from './target.ts';

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const ViewedDrive = members({
  node: v.string(),
  bitmap: v.exactOptional(v.string()),
  /** The bitmap stays what it is, whatever becomes of the view. */
  'read-bitmap': v.exactOptional(v.boolean()),
  begin: v.exactOptional(members({ name: v.string(), granularity: v.exactOptional(size) })),
  show: v.exactOptional(v.array(v.string())),
  'only-dirty': v.exactOptional(size),
});

export const ViewOpenArguments = members({
  drives: v.array(ViewedDrive),
  scratch: v.exactOptional(v.string()),
});

/** For `client` alone: with it the view is gone. @throws what the drives refuse */
export async function openView(
  target: QmpTarget,
  client: object,
  { drives, scratch }: v.InferOutput<typeof ViewOpenArguments>,
): Promise<JsonObject> {
  for (const { node } of drives) findNode(target, node);
  const view: QmpView = {
    ...(scratch !== undefined && { scratch }),
    drives: drives.map((drive) => ({
      node: drive.node,
      bitmap: drive.bitmap,
      isRead: drive['read-bitmap'] ?? false,
      begin: drive.begin,
      shows: drive.show,
      onlyDirty: drive['only-dirty'],
    })),
  };
  const { id, socket } = await target.views.open(view, client);
  return { id, socket };
}

export const ViewHoldArguments = members({ id: v.string() });

export async function holdView(
  target: QmpTarget,
  { id }: v.InferOutput<typeof ViewHoldArguments>,
): Promise<JsonObject> {
  await target.views.hold(id);
  return {};
}

/** What is cleared or kept by mistake is lost, so nobody gets it by leaving something out. */
export const ViewCloseArguments = members({
  id: v.string(),
  keep: v.boolean(),
  checkpoint: v.exactOptional(v.string()),
});

/** @throws QmpError, and what the drives refuse: the view goes on */
export async function closeView(
  target: QmpTarget,
  { id, keep, checkpoint }: v.InferOutput<typeof ViewCloseArguments>,
): Promise<JsonObject> {
  if (!keep && checkpoint !== undefined) {
    throw new QmpError('GenericError', "Parameter 'checkpoint' is for a view that is kept");
  }
  await target.views.close(id, keep ? { keep, checkpoint } : { keep });
  return {};
}
