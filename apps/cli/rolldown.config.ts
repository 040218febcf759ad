import { defineConfig } from 'rolldown';

// Few files, for each costs at every start; commands that are seldom called are files of their own.
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  resolve: { conditionNames: ['@tidemark/source', 'node', 'import', 'default'] },
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    sourcemap: false,
    // Flat: package.json is found one folder above whichever file asks for it.
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    minify: { compress: false, mangle: false, codegen: true },
  },
});
