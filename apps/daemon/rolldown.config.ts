import { cpSync, existsSync } from 'node:fs';
import { defineConfig } from 'rolldown';

const DASHBOARD = new URL('../dashboard/dist', import.meta.url);

// One file and what it loads later: a program of hundreds of files takes several times as long to start.
export default defineConfig({
  input: 'src/main.ts',
  plugins: [
    {
      name: 'dashboard',
      writeBundle() {
        if (!existsSync(DASHBOARD)) return;
        cpSync(DASHBOARD, new URL('dist/dashboard', import.meta.url), { recursive: true });
      },
    },
  ],
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
