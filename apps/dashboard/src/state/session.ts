const KEY = 'tidemark-token';

let token: string | undefined;

/** The token: of the address (`#token=`, taken out of it at once), or kept for this tab. */
export function readToken(): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null) {
    history.replaceState(null, '', location.pathname + location.search);
    keepToken(given);
  }
  token ??= sessionStorage.getItem(KEY) ?? undefined;
  return token;
}

export const currentToken = (): string | undefined => token;

export function keepToken(given: string): void {
  token = given;
  sessionStorage.setItem(KEY, given);
}

export function forgetToken(): void {
  token = undefined;
  sessionStorage.removeItem(KEY);
}
