import { between } from './places.ts';
import { escapeHtml } from './render.ts';

/** A part of the navigation. */
export interface Section {
  readonly name: string;
  readonly links: readonly { readonly text: string; readonly place: string }[];
}

/** Nothing but our own styles: no script, no form, no other host. */
const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

/** A whole page of the site. */
export function wrap(
  place: string,
  { title, html }: { readonly title: string; readonly html: string },
  sections: readonly Section[],
): string {
  const name = title === 'Tidemark' ? title : `${title} - Tidemark`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(name)}</title>
<link rel="stylesheet" href="${between(place, 'style.css')}">
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<header><a href="${between(place, 'index.html')}">Tidemark</a> <a class="menu" href="#pages">All pages</a></header>
<main id="content">
${html}</main>
<nav id="pages" aria-label="Pages">
${sections.map((section) => sectionHtml(section, place)).join('\n')}
</nav>
</body>
</html>
`;
}

function sectionHtml({ name, links }: Section, place: string): string {
  const items = links.map((link) => {
    const current = link.place === place ? ' aria-current="page"' : '';
    return `<li><a href="${between(place, link.place)}"${current}>${escapeHtml(link.text)}</a></li>`;
  });
  return `<h2>${escapeHtml(name)}</h2><ul>${items.join('')}</ul>`;
}
