import { expect } from 'vitest';
import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [expect.stringMatching(/^\d+ of 1099511627776 bytes lie on the disk$/)],
]);
