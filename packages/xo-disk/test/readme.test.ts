import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [true, [0, 2]],
  [0, 'one six'],
  [2, 'seven\0\0'],
]);
