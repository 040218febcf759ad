import GithubSlugger from 'github-slugger';
import { lexer, type Token, type Tokens, walkTokens } from 'marked';

/** All tokens of a page, those within others too, in order. */
export function tokensOf(markdown: string): readonly Token[] {
  const all: Token[] = [];
  void walkTokens(lexer(markdown), (token) => {
    all.push(token);
  });
  return all;
}

/** A heading's or link's text as it is read. */
export function plainText(token: Token): string {
  const { tokens = [], text = '' } = token as { tokens?: readonly Token[]; text?: string };
  return tokens.length === 0 ? text : tokens.map(plainText).join('');
}

/** The names that links to parts of a page use, as GitHub makes them. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const slugger = new GithubSlugger();
  const headings = tokensOf(markdown).filter(
    (token): token is Tokens.Heading => token.type === 'heading',
  );
  return new Set(headings.map((heading) => slugger.slug(plainText(heading))));
}

/** Where the links and pictures of a page lead. */
export function targetsOf(markdown: string): readonly string[] {
  return tokensOf(markdown)
    .filter((token): token is Tokens.Link => token.type === 'link' || token.type === 'image')
    .map(({ href }) => href);
}
