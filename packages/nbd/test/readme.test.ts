import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [0, 65_536, 'clean'],
  [65_536, 65_536, 'dirty'],
  [131_072, 1_073_610_752, 'clean'],
]);
