import * as v from 'valibot';
import { findNode } from './bitmap-actions.ts';
import { QmpError } from './errors.ts';
import type { JsonObject } from './json/json-value.ts';
import { members } from './schema.ts';
import type { QmpTarget } from './target.ts';

export const freezeArguments = members({ node: v.string(), name: v.string() });

export async function beginFreeze(
  target: QmpTarget,
  { node, name }: v.InferOutput<typeof freezeArguments>,
): Promise<JsonObject> {
  return { id: await findNode(target, node).freeze(name) };
}

/** What is cleared by mistake is lost, so nobody gets it by leaving something out. */
export const releaseArguments = members({
  node: v.string(),
  name: v.string(),
  id: v.string(),
  clear: v.boolean(),
  checkpoint: v.exactOptional(v.string()),
});

/** @throws QmpError, and what the drive refuses: the freeze goes on */
export async function endFreeze(
  target: QmpTarget,
  { node, name, id, clear, checkpoint }: v.InferOutput<typeof releaseArguments>,
): Promise<JsonObject> {
  const frozen = findNode(target, node);
  if (!clear && checkpoint !== undefined) {
    throw new QmpError('GenericError', "Parameter 'checkpoint' is for a release that clears");
  }
  await frozen.release({ name, id, clear, checkpoint });
  return {};
}
