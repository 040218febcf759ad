import { TidemarkError } from '@tidemark/core';
import { MAX_CONDEMNED, MAX_DRIVES, MAX_POINTS } from './format/limits.ts';
import type { Root } from './format/root.ts';

/** What no reader would take is not written. @throws NO_SPACE */
export function assertRootFits({ drives, condemned }: Root, where: string): void {
  let points = 0;
  for (const drive of drives) points += drive.points.length;
  if (points <= MAX_POINTS && drives.length <= MAX_DRIVES && condemned.length <= MAX_CONDEMNED) {
    return;
  }
  const text = `${where} has as many restore points as it may: ${MAX_POINTS}`;
  const hint = 'forget some with tidemark repo forget, or begin another repository';
  throw new TidemarkError('NO_SPACE', text, { where, hint });
}
