import { bitmapEditCommand } from './change.ts';

export const clear = bitmapEditCommand({
  done: 'cleared',
  brief: 'clean a bitmap: nothing counts as changed from here on',
  description: [
    'Cleans a bitmap after a backup that another program has made. tidemark backup does it by itself.',
    'What the bitmap called dirty is missing in increments by it from then on.',
  ],
  examples: ['tidemark bitmap clear vm.qcow2 nightly'],
  change: (name) => ({ op: 'clear', name }),
});
