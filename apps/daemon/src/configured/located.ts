import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { nameOf } from '../config/describe-issue.ts';
import type { LoadedConfig } from '../config/load-config.ts';

type Keys = readonly (string | number)[];

/** Does what these keys of the configuration ask for. @throws what goes wrong, with their place */
export async function located<T>(
  { document }: LoadedConfig,
  keys: Keys,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    const { code, message, context, cause } = error;
    // Some of QEMU's messages do not say which file it is.
    const { where } = context;
    const subject = where === undefined || message.includes(where) ? '' : `'${where}': `;
    const text = `${document.place(keys)}: ${nameOf(keys)}: ${subject}${message}`;
    throw new TidemarkError(code, text, { ...context, where: text }, cause);
  }
}
