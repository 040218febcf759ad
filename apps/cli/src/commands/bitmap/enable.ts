import { bitmapEditCommand } from './change.ts';

export const enable = bitmapEditCommand({
  done: 'enabled',
  brief: 'record writes in a bitmap from here on',
  description: [
    'Sets the flag that QEMU and tidemarkd go by: whoever writes the drive next records it in the',
    'bitmap. What was written while the bitmap was disabled is not in it.',
  ],
  examples: ['tidemark bitmap enable vm.qcow2 nightly'],
  change: (name) => ({ op: 'switch', name, enabled: true }),
});
