import { testReadmeSample } from '../../../tools/readme.ts';

const text = "tidemark nbd: Failed to connect to '/nowhere/nbd.sock': No such file or directory\n";

testReadmeSample(import.meta.url, () => import('./support/readme-sample.ts'), [[text], [1]]);
