import { powerCut } from '@tidemark/block/testing';
import { expect, it } from 'vitest';
import { lookAt, recordFirstUse } from './support/first-use.ts';

const UNFINISHED = ['IMAGE_UNRECOGNIZED', 'IMAGE_CORRUPT', 'holds nothing'];

it('is refused or sound, and as before a change or after it, wherever the power fails', async () => {
  const { base, events, ends } = await recordFirstUse();
  for (let at = 0; at <= events.length; at++) {
    const after = ends.findIndex((end) => end.at >= at);
    const { found } = ends[after]!;
    const before = after === 0 ? UNFINISHED : [ends[after - 1]!.found];
    const allowed = ends[after]!.at === at ? [found] : [found, ...before];
    for (const keeps of [() => false, () => true]) {
      const seen = await lookAt(await powerCut(base, events.slice(0, at), keeps));
      expect({ at, allowed }).toEqual({ at, allowed: expect.arrayContaining([seen]) });
    }
  }
});
