import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  ['vm', 2 ** 30],
  [0, 'jobs'],
  ['the token is missing or wrong'],
]);
