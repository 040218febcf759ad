import * as v from 'valibot';
import { QmpError } from '../errors.ts';
import { int64, members } from '../schema.ts';
import type { QmpTarget } from '../target.ts';

/** qapi `block_resize`. */
export const ResizeArguments = members({
  device: v.exactOptional(v.string()),
  'node-name': v.exactOptional(v.string()),
  size: int64,
});

/** @throws QmpError, in QEMU's words and in its order, and what the drive refuses */
export async function resizeBlock(
  target: QmpTarget,
  { device = '', 'node-name': nodeName = '', size }: v.InferOutput<typeof ResizeArguments>,
): Promise<void> {
  const nodes = target.nodes();
  const node = nodes.get(device) ?? nodes.get(nodeName);
  if (node === undefined) {
    throw refusal(`Cannot find device='${device}' nor node-name='${nodeName}'`);
  }
  if (size < 0) throw refusal("Parameter 'size' expects a >0 size");
  const { driver, readOnly } = await node.blockInfo();
  if (readOnly) throw refusal('Image is read-only');
  if (driver === 'qcow2' && size % 512 !== 0) {
    throw refusal('The new size must be a multiple of 512');
  }
  if (!Number.isSafeInteger(size)) throw refusal('The new size is too large');
  await node.resize(size);
}

function refusal(desc: string): QmpError {
  return new QmpError('GenericError', desc);
}
