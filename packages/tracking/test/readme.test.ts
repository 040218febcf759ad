import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  ['tuesday', true, 65_536],
  ['monday', false, 65_536],
]);
