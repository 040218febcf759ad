import type { Plugin } from 'rolldown';

/** Tells Node what the files beside it are: the package's own sources are modules. */
export function commonJsFolder(): Plugin {
  return {
    name: 'commonjs-folder',
    generateBundle() {
      const source = `${JSON.stringify({ type: 'commonjs' })}\n`;
      this.emitFile({ type: 'asset', fileName: 'package.json', source });
    },
  };
}
