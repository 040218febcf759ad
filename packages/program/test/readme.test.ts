import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [65_536, '1.5 GiB'],
  ['an image may be called \\u001b[2J'],
  [5],
]);
