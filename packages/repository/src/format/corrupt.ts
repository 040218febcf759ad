import { TidemarkError } from '@tidemark/core';

/** What was read is not what was written. `where` names the object. */
export function corrupt(where: string, reason: string, cause?: unknown): TidemarkError {
  const hint = 'tidemark repo check tells which restore points are whole';
  return new TidemarkError(
    'BACKUP_CORRUPT',
    `'${where}' is damaged: ${reason}`,
    { where, hint },
    cause,
  );
}
