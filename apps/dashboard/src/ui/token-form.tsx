import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { connectWith, connection } from '../state/store.ts';
import { currentToken } from '../state/session.ts';

export function TokenForm({ message }: { readonly message: string | undefined }) {
  const token = useSignal('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), [connection.value]);
  const refused = message !== undefined && currentToken() !== undefined;
  const submit = (event: Event): void => {
    event.preventDefault();
    const given = token.value.trim();
    if (given !== '') connectWith(given);
  };
  return (
    <main class="token" data-region="token">
      <form class="panel" onSubmit={submit}>
        <h2>Connect to this daemon</h2>
        <p>It asks for a token: the one of its configuration. It is kept for this tab only.</p>
        <label for="token">Token</label>
        <input
          id="token"
          ref={input}
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          aria-invalid={refused}
          aria-describedby={refused ? 'token-refused' : undefined}
          value={token.value}
          onInput={(event) => (token.value = event.currentTarget.value)}
        />
        {refused && (
          <p class="failure" id="token-refused" role="alert">
            The token was refused: {message}
          </p>
        )}
        <button type="submit" class="primary">
          Connect
        </button>
      </form>
    </main>
  );
}
