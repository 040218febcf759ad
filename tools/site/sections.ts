import { dirname, join, normalize } from 'node:path';
import type { Tokens } from 'marked';
import { plainText, tokensOf } from '../docs/markdown.ts';
import type { DocPage } from '../docs/pages.ts';
import { placeOf } from './places.ts';
import type { Section } from './template.ts';

/** What docs/README.md lists, under its bold lines, and the packages. */
export function sectionsOf(pages: readonly DocPage[]): readonly Section[] {
  const index = pages.find(({ path }) => path === 'docs/README.md')!;
  const sections: { name: string; links: { text: string; place: string }[] }[] = [];
  for (const token of tokensOf(index.text)) {
    if (token.type === 'strong') sections.push({ name: token['text'], links: [] });
    if (token.type !== 'link' || sections.length === 0) continue;
    const { href } = token as Tokens.Link;
    if (href.includes('#')) continue;
    const place = placeOf(normalize(join('docs', href)));
    sections.at(-1)!.links.push({ text: upperFirst(plainText(token)), place });
  }
  const packages = pages
    .filter(({ path }) => /^packages\/[^/]+\/README\.md$/.test(path))
    .map(({ path }) => ({
      text: dirname(path).replace('packages/', '@tidemark/'),
      place: placeOf(path),
    }));
  return [...sections, { name: 'Packages', links: packages }];
}

/** Programs keep their names. */
function upperFirst(text: string): string {
  if (text.startsWith('tidemark')) return text;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
