import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [5_368_709_120, 65_536],
  ['monday', 65_536],
]);
