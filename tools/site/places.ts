import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { ROOT } from '../docs/pages.ts';

/** Where a file of the workspace is on the site: pages as HTML, other files as they are, to be looked at. */
export function placeOf(path: string): string {
  if (path.endsWith('README.md')) return path.replace(/README\.md$/, 'index.html');
  return path.endsWith('.md') ? path.replace(/\.md$/, '.html') : `source/${path}.html`;
}

/** A link of a page, as what it leads to is called on the site. `onFile` hears of other files. */
export function rewriteLink(
  page: string,
  href: string,
  onFile: (path: string) => void = () => {},
): string {
  if (/^[a-z]+:/.test(href)) return href;
  const [target = '', anchor] = href.split('#');
  const hash = anchor === undefined ? '' : `#${anchor}`;
  if (target === '') return hash;
  let path = normalize(join(dirname(page), target)).replace(/\/$/, '');
  if (existsSync(ROOT + path) && statSync(ROOT + path).isDirectory()) {
    // A folder without a page is looked at by its package's.
    while (!existsSync(`${ROOT}${path}/README.md`)) path = dirname(path);
    path = `${path}/README.md`.replace(/^\.\//, '');
  }
  if (!path.endsWith('.md')) onFile(path);
  return relative(dirname(placeOf(page)), placeOf(path)) + hash;
}

/** From a page of the site to another place of it. */
export function between(from: string, to: string): string {
  return relative(dirname(from), to) || to;
}
