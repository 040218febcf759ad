import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { allPages, ROOT } from '../docs/pages.ts';
import { apiPages } from './api/pages.ts';
import { placeOf } from './places.ts';
import { codeBlock, escapeHtml, render } from './render.ts';
import { sectionsOf } from './sections.ts';
import { wrap } from './template.ts';

/** Writes the site into a folder, which is emptied before. Needs a build of the packages. */
export function buildSite(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const pages = allPages();
  const api = apiPages();
  const sections = [
    ...sectionsOf(pages),
    { name: 'API', links: api.map(({ name, place }) => ({ text: name, place })) },
  ];
  const write = (place: string, content: string): void => {
    mkdirSync(dirname(join(folder, place)), { recursive: true });
    writeFileSync(join(folder, place), content);
  };
  const files = new Set<string>();
  for (const { path, text } of pages) {
    const rendered = render(path, text);
    for (const file of rendered.files) files.add(file);
    write(placeOf(path), wrap(placeOf(path), rendered, sections));
  }
  for (const { place, name, markdown } of api) {
    const { html } = render(place.replace(/html$/, 'md'), markdown);
    write(place, wrap(place, { title: name, html }, sections));
  }
  for (const file of files) {
    const code = codeBlock(readFileSync(ROOT + file, 'utf8').trimEnd(), '');
    const html = `<h1>${escapeHtml(file)}</h1>\n${code}`;
    write(placeOf(file), wrap(placeOf(file), { title: file, html }, sections));
  }
  write('style.css', readFileSync(new URL('style.css', import.meta.url), 'utf8'));
}
