import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../docs/pages.ts';
import { tempDir } from '../qemu.ts';
import { exportsOf } from './api/declarations.ts';
import { buildSite } from './build-site.ts';

describe('the site', () => {
  const folder = tempDir();
  const pages = new Map<string, string>();

  beforeAll(() => {
    buildSite(folder);
    for (const path of globSync('**/*.html', { cwd: folder }))
      pages.set(path, readFileSync(join(folder, path), 'utf8'));
  });

  it('has each page, and the reference of each package', () => {
    const packages = globSync('packages/*/README.md', { cwd: ROOT }).map(dirname);
    expect([...pages.keys()]).toEqual(
      expect.arrayContaining([
        'index.html',
        'docs/tutorial.html',
        'docs/how-to/after-a-crash.html',
        ...packages.map((path) => `${path}/index.html`),
        ...packages.map((path) => path.replace('packages/', 'api/') + '.html'),
      ]),
    );
  });

  it('links to what is there, and to parts of pages that are there', () => {
    const broken: string[] = [];
    for (const [path, html] of pages) {
      for (const [, href] of html.matchAll(/ href="([^"]*)"/g)) {
        if (href!.startsWith('https://')) continue;
        const [target, anchor] = href!.split('#');
        const file = target === '' ? path : join(dirname(path), target!);
        const there = file === 'style.css' ? '' : pages.get(file);
        const isThere = there !== undefined;
        if (!isThere || (anchor !== undefined && !there.includes(` id="${anchor}"`)))
          broken.push(`${path}: ${href}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('has no id twice in a page', () => {
    for (const [path, html] of pages) {
      const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
      expect(new Set(ids).size, path).toBe(ids.length);
    }
  });

  it('runs and loads nothing from elsewhere', () => {
    for (const [path, html] of pages) {
      expect(html, path).toContain(`content="default-src 'none'; style-src 'self';`);
      expect(html, path).not.toMatch(
        /<(?:script|style|iframe|form)\b| style=| on\w+=|<link [^>]*https?:/,
      );
    }
  });

  it.each(globSync('packages/*/package.json', { cwd: ROOT }).flatMap(entriesOf))(
    'documents all that %s exports',
    async (_, path) => {
      const names = Object.keys((await import(path)) as object);
      const declared = exportsOf(path.replace(/js$/, 'd.ts'));
      const values = declared.filter(({ kind }) => kind !== 'type');
      expect(values.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
      expect(declared.filter(({ doc }) => doc === '').map(({ name }) => name)).toEqual([]);
    },
  );
});

/** The name by which each entry of a package is imported, and its built module. */
function entriesOf(manifestPath: string): readonly (readonly [string, string])[] {
  const { name, exports = {} } = JSON.parse(readFileSync(ROOT + manifestPath, 'utf8')) as {
    readonly name: string;
    readonly exports?: Readonly<
      Record<string, { readonly types?: string; readonly default: string }>
    >;
  };
  return Object.entries(exports)
    .filter(([entry, { types }]) => types !== undefined && !entry.includes('*'))
    .map(([entry, module]) => [
      name + entry.slice(1),
      join(ROOT, dirname(manifestPath), module.default),
    ]);
}
