import { readFileSync } from 'node:fs';
import { fileOnDisk } from '../../src/kept/file-on-disk.ts';
import { keptRequire } from '../../src/kept/kept-require.ts';

// A program that is one file, CommonJS, and those beside it. STAMP: the stamp of whatever is in a file.
const { MAIN = '', STAMP: stamp } = process.env;
const read =
  stamp === undefined ? fileOnDisk : (path: string) => ({ text: readFileSync(path), stamp });
keptRequire(read, MAIN, (id) => process.getBuiltinModule(id))('./main.js');
