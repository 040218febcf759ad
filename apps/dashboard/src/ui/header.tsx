import { chosen } from '../model/chosen.ts';
import { formatDuration } from '../model/format.ts';
import { currentToken } from '../state/session.ts';
import { connection, now, service, signOut } from '../state/store.ts';
import { themeChoice } from '../state/theme.ts';

const THEMES = ['auto', 'light', 'dark'] as const;

const STATES = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Not connected',
  token: 'Token needed',
} as const;

export function Header() {
  const { kind } = connection.value;
  return (
    <header class="top" data-region="header">
      <h1>
        <Mark />
        Tidemark
      </h1>
      <span class={`pill state-${kind}`}>{STATES[kind]}</span>
      <About />
      <span class="spring" />
      {service.value !== undefined && !service.value.writable && kind === 'live' && (
        <span class="pill quiet" title="Changes need a token that may write">
          Read-only
        </span>
      )}
      <label class="theme">
        <span class="unseen">Theme</span>
        <select
          value={themeChoice.value}
          onChange={(event) => (themeChoice.value = chosen(THEMES, event.currentTarget.value))}
        >
          <option value="auto">Auto</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
      {currentToken() !== undefined && kind !== 'token' && (
        <button type="button" class="quiet" onClick={signOut}>
          Sign out
        </button>
      )}
    </header>
  );
}

function About() {
  const about = service.value;
  if (about === undefined) return null;
  const up = (now.value - Date.parse(about.startedAt)) / 1000;
  return (
    <span class="about">
      tidemarkd {about.version}
      <span class="wide">, up {formatDuration(Math.max(0, up))}</span>
    </span>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path d="M2 15c3.3 0 3.3-3 6.7-3s3.3 3 6.6 3 3.3-3 6.7-3v8H2z" />
      <path class="line" d="M2 8.5c3.3 0 3.3-3 6.7-3s3.3 3 6.6 3 3.3-3 6.7-3" />
    </svg>
  );
}
