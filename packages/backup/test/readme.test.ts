import { expect } from 'vitest';
import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  ['000002-incremental', "bitmap 'nightly' began anew at '000001-full'", 65_536],
  [
    expect.objectContaining({
      point: '000002-incremental',
      chainLength: 2,
      bytesWritten: 65_536,
    }),
  ],
]);
