import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsOf, targetsOf, tokensOf } from './markdown.ts';
import { allPages, docPages, ROOT } from './pages.ts';

/** What is wrong with a link of a page. */
function fault(page: string, target: string): string | undefined {
  // Looked at by people: a test must not need a network.
  if (target.startsWith('https://')) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(ROOT + file)) return `${target}: no such file`;
  if (anchor === undefined) return undefined;
  if (!file.endsWith('.md')) return `${target}: not a page`;
  const has = anchorsOf(readFileSync(ROOT + file, 'utf8')).has(anchor);
  return has ? undefined : `${target}: no such heading`;
}

const pages = allPages();

describe('pages', () => {
  it.each(pages)('link to what is there: $path', ({ path, text }) => {
    expect(targetsOf(text).map((target) => fault(path, target) ?? '')).toEqual(
      targetsOf(text).map(() => ''),
    );
  });

  // The site lists the packages by itself.
  it('are all reachable from README.md, but for packages', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      const { text } = pages.find((page) => page.path === path)!;
      for (const target of targetsOf(text)) {
        const file = normalize(join(dirname(path), target.split('#')[0]!));
        const page = [file, `${file.replace(/\/$/, '')}/README.md`].find((name) =>
          pages.some((one) => one.path === name),
        );
        if (page !== undefined) reached.add(page);
      }
    }
    expect(
      pages
        .map(({ path }) => path)
        .filter((path) => !reached.has(path) && !path.startsWith('packages/')),
    ).toEqual([]);
  });

  it('say of each block of code what it is', () => {
    const known = new Set('console sh ts yaml json xml ini text'.split(' '));
    const unknown = docPages().flatMap(({ path, text }) =>
      tokensOf(text)
        .filter((token) => token.type === 'code' && !known.has(token['lang']?.split(' ')[0]))
        .map((token) => `${path}: ${token.raw.slice(0, 60)}`),
    );
    expect(unknown).toEqual([]);
  });
});
