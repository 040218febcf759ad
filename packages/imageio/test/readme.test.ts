import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [[131_072, 'hello']]);
