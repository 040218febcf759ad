import type { OutputOptions, RolldownOptions } from 'rolldown';
import { asciiOnly } from './ascii-only.ts';

/** Of every build of a program. */
export const COMMON: RolldownOptions = {
  platform: 'node',
  resolve: { conditionNames: ['@tidemark/source', 'node', 'import', 'default'] },
  // A Node that is too old has to read a program for it to go on with another one, or to say so.
  transform: { target: 'node20' },
};

/** The parser's errors are told apart by the names of their classes. */
export const MINIFY = {
  compress: false,
  mangle: { keepNames: true },
  codegen: true,
};

/** A program and what it loads later, in files of one folder. */
export const FOLDER: OutputOptions = {
  dir: 'dist',
  // Loaded in half the time that modules take.
  format: 'cjs',
  // What is kept compiled has none.
  dynamicImportInCjs: false,
  cleanDir: true,
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  minify: MINIFY,
  plugins: [asciiOnly()],
};
