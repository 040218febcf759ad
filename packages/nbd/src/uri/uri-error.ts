import { TidemarkError } from '@tidemark/core';

export function uriError(text: string, why: string): TidemarkError {
  return new TidemarkError('USAGE', `'${text}' is not an NBD URI: ${why}`, {
    where: text,
    hint: 'write nbd://HOST[:PORT]/EXPORT or nbd+unix:///EXPORT?socket=PATH',
  });
}
