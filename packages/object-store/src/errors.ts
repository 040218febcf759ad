import { TidemarkError } from '@tidemark/core';

export function noObject(label: string, key: string, cause?: unknown): TidemarkError {
  const context = { where: label, hint: 'check the repository to learn what is missing' };
  return new TidemarkError(
    'FILE_NOT_FOUND',
    `there is no object '${key}' in ${label}`,
    context,
    cause,
  );
}

export function objectTooShort(label: string, key: string, end: number): TidemarkError {
  const message = `object '${key}' in ${label} ends before byte ${end}`;
  return new TidemarkError('BACKUP_CORRUPT', message, { where: label, offset: end });
}

export function storeClosed(label: string): TidemarkError {
  return new TidemarkError('STORE_CLOSED', `${label} is closed`, { where: label });
}
