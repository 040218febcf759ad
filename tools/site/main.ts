// pnpm site [FOLDER]: the documents as a static site, after a build. Default: site/.
import { resolve } from 'node:path';
import { ROOT } from '../docs/pages.ts';
import { buildSite } from './build-site.ts';

const folder = resolve(process.argv[2] ?? `${ROOT}site`);
buildSite(folder);
console.log(`open ${folder}/index.html`);
