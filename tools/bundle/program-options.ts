import type { OutputOptions, RolldownOptions } from 'rolldown';

/** Of every build of a program. */
export const COMMON: RolldownOptions = {
  platform: 'node',
  resolve: { conditionNames: ['@tidemark/source', 'node', 'import', 'default'] },
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
};
