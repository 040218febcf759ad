import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [['1', undefined]]);
