// Clients of QEMU match on these texts, so they are QEMU's own, capitals and all.
import { isTidemarkError, TidemarkError } from '@tidemark/core';

/** A request that makes no sense as things are, in QEMU's words. */
export function refusal(text: string): TidemarkError {
  return new TidemarkError('USAGE', text);
}

/** Of `name` as node name; QEMU tells what stood for a device name as well. */
export function nodeNotFound(name: string, device = name): TidemarkError {
  return refusal(`Cannot find device='${device}' nor node-name='${name}'`);
}

/** Why a file could not be opened. `writing`: it was to be written. */
export function openFailed(
  error: unknown,
  { filename, writing }: { readonly filename: string; readonly writing: boolean },
): unknown {
  if (!isTidemarkError(error)) return error;
  const text = openFailure(error, filename, writing);
  return text === undefined ? error : new TidemarkError(error.code, text, error.context);
}

function openFailure(error: TidemarkError, filename: string, writing: boolean): string | undefined {
  switch (error.code) {
    case 'FILE_NOT_FOUND':
      return `Could not open '${filename}': No such file or directory`;
    case 'PERMISSION_DENIED':
      return `Could not open '${filename}': Permission denied`;
    case 'LOCKED':
      return `Failed to get ${writing ? '' : 'shared '}"write" lock`;
    case 'IMAGE_UNRECOGNIZED':
      return 'Image is not in qcow2 format';
    default:
      return undefined;
  }
}
