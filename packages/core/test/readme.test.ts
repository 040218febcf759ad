import { expect } from 'vitest';
import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [0, 1_048_576],
  [5_368_709_120, 1_048_576],
  [17, 2_097_152, expect.stringMatching(/^[0-9a-f]{8}$/u)],
]);
