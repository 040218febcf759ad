import { chainCheckpoint } from '@tidemark/backup';
import { TidemarkError } from '@tidemark/core';

/** Of a bitmap whose name tells where it began: `CHAIN@CHECKPOINT`. @throws USAGE */
export function checkpointNamed(name: string): string {
  const checkpoint = chainCheckpoint(name);
  if (checkpoint !== undefined) return checkpoint;
  const text = `'${name}' does not end in @ and 32 hexadecimal digits, which name an instant`;
  const hint = 'add a bitmap with such a name, of random digits';
  throw new TidemarkError('USAGE', text, { bitmap: name, hint });
}
