import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [[{ name: 'monday', granularity: 65_536, enabled: true, state: 'stored' }], 1],
]);
