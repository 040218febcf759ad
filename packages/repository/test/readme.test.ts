import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [2, "bitmap 'nightly' began anew at restore point 1", 65_536],
  [{ bytesWritten: 65_536 }],
  [[1]],
]);
