import { readFileSync } from 'node:fs';
import { fileOnDisk } from '../../src/kept/file-on-disk.ts';
import { keptRequire } from '../../src/kept/kept-require.ts';

// A program that is one file, CommonJS, and those beside it. STAMP makes each text of a file the same one.
const { MAIN = '', STAMP: stamp } = process.env;
const read =
  stamp === undefined
    ? fileOnDisk
    : (path: string) => ({ text: readFileSync(path, 'utf8'), stamp });
keptRequire(read, MAIN, (id) => process.getBuiltinModule(id))('./main.js');
