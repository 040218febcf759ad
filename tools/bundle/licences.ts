import type { Plugin } from 'rolldown';
import { noticesOf } from './notices.ts';

/** Puts the licences of what others wrote beside a program that holds it. `folder`: its package's. */
export function licences(folder: string): Plugin {
  return {
    name: 'licences',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source: noticesOf(folder) });
    },
  };
}
