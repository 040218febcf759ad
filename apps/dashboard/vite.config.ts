import { defaultClientConditions, defineConfig } from 'vite';

// What is built runs under `default-src 'none'; script-src 'self'; style-src 'self'`: nothing is inlined.
export default defineConfig({
  // Relative, so that it also works below a path of a reverse proxy.
  base: './',
  resolve: { conditions: ['@tidemark/source', ...defaultClientConditions] },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
