import { testReadmeSample } from '../../../tools/readme.ts';

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [
  [1, 'cluster 1 has a refcount of 0, and is referred to 1 times'],
  [['raise the refcounts of 1 clusters']],
  [0],
]);
