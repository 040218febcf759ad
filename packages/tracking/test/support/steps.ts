import { TidemarkError } from '@tidemark/core';
import fc from 'fast-check';
import type { BitmapAction } from '../../src/index.ts';
import type { Step } from './session.ts';

const name = fc.constantFrom('a', 'b', 'c');

const action: fc.Arbitrary<BitmapAction> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('add' as const),
      name,
      persistent: fc.boolean(),
      disabled: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constantFrom(
        'remove' as const,
        'clear' as const,
        'enable' as const,
        'disable' as const,
      ),
      name,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('merge' as const),
      target: name,
      sources: fc.array(name, { maxLength: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constant({
      op: 'abort' as const,
      error: new TidemarkError('CANCELLED', 'aborted'),
    }),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constant('write' as const),
      kind: fc.constantFrom('write' as const, 'writeZeroes' as const, 'discard' as const),
      at: fc.nat(15),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      step: fc.constant('answer' as const),
      index: fc.nat(8),
      well: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constant('transact' as const),
      actions: fc.array(action, { minLength: 1, maxLength: 4 }),
      slow: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ step: 'join' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ step: 'reopen' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ step: 'narrow' }) },
);

// Without these most transactions would be refused, for there would be no bitmaps.
export const START: Step = {
  step: 'transact',
  slow: false,
  actions: [
    { op: 'add', name: 'a', persistent: true },
    { op: 'add', name: 'b', persistent: true, disabled: true },
  ],
};

/** What happens to a drive, in any order. */
export const steps = fc.array(step, { minLength: 4, maxLength: 24, size: 'max' });
