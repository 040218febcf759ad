import GithubSlugger from 'github-slugger';
import { Marked, type Tokens } from 'marked';
import { plainText } from '../docs/markdown.ts';
import { rewriteLink } from './places.ts';

/** A page's text as HTML. Pages are ours, and hold no HTML but comments. */
export interface Rendered {
  readonly title: string;
  readonly html: string;
  /** Files of the workspace that it links to, which are no pages. */
  readonly files: ReadonlySet<string>;
}

export function render(page: string, markdown: string): Rendered {
  const slugger = new GithubSlugger();
  const files = new Set<string>();
  let title = page;
  const marked = new Marked({
    renderer: {
      heading(heading: Tokens.Heading): string {
        const { depth, tokens } = heading;
        const text = plainText(heading);
        if (depth === 1) title = text;
        const body = this.parser.parseInline(tokens);
        return `<h${depth} id="${slugger.slug(text)}">${body}</h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link): string {
        const target = rewriteLink(page, href, (path) => files.add(path));
        return `<a href="${escapeHtml(target)}">${this.parser.parseInline(tokens)}</a>`;
      },
      code: ({ text, lang = '' }: Tokens.Code): string => codeBlock(text, lang),
      // What is in comments prepares tests; other tags are shown as they stand.
      html: ({ text }): string => (text.trim().startsWith('<!--') ? '' : escapeHtml(text)),
    },
  });
  const html = marked.parse(markdown, { async: false });
  const tables = html
    // A column without a name has no header, and a table of such columns none at all.
    .replaceAll('<th></th>', '<td></td>')
    .replaceAll(/<thead>\s*<tr>\s*(?:<td><\/td>\s*)+<\/tr>\s*<\/thead>\s*/g, '')
    .replaceAll('<table>', '<div class="table" tabindex="0"><table>')
    .replaceAll('</table>', '</table></div>');
  return { title, html: tables, files };
}

/** With a name where it is a file; in sessions the commands stand out. */
export function codeBlock(text: string, lang: string): string {
  const [language, path] = lang.split(' ');
  const escaped = escapeHtml(text);
  const shown =
    language === 'console' ? escaped.replaceAll(/^\$ .*(?:\\\n.*)*/gm, '<b>$&</b>') : escaped;
  const block = `<pre tabindex="0"><code>${shown}\n</code></pre>\n`;
  if (path === undefined) return block;
  return `<figure><figcaption>${escapeHtml(path)}</figcaption>${block}</figure>\n`;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
