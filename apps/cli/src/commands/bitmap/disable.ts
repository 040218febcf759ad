import { bitmapEditCommand } from './change.ts';

export const disable = bitmapEditCommand({
  done: 'disabled',
  brief: 'record no more writes in a bitmap',
  description: [
    'Clears the flag that QEMU and tidemarkd go by. What is written from then on is missing in the',
    'bitmap, so it is no base for an increment any more.',
  ],
  examples: ['tidemark bitmap disable vm.qcow2 nightly'],
  change: (name) => ({ op: 'switch', name, enabled: false }),
});
