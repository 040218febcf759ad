import { fileOnDisk } from '../../src/kept/file-on-disk.ts';
import { keptRequire } from '../../src/kept/kept-require.ts';

// A program that is one file, CommonJS, and those beside it.
keptRequire(fileOnDisk, process.env['MAIN'] ?? '', (id) => process.getBuiltinModule(id))(
  './main.js',
);
