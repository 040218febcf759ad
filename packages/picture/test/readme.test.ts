import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [`  0 MiB  ${'·'.repeat(16)}████${'·'.repeat(12)}\n512 MiB  ${'·'.repeat(32)}`],
  [true],
]);
