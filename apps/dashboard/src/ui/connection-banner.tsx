import { formatDuration } from '../model/format.ts';
import { connection, now, reconnect, service } from '../state/store.ts';

/** Loud, and above all else, while what is shown may not be true any more. */
export function ConnectionBanner() {
  const state = connection.value;
  if (state.kind !== 'lost') return null;
  const since = new Date(state.since).toLocaleTimeString();
  const wait = Math.max(0, (state.retryAt - now.value) / 1000);
  return (
    <section class="banner" aria-label="Connection" data-region="banner">
      <strong>Not connected</strong>
      <span>
        since {since}: {state.why}.
        {service.value !== undefined && ' What is shown is how it was then.'}
        {wait >= 1 ? ` Next attempt in ${formatDuration(wait)}.` : ' Trying again.'}
      </span>
      <button type="button" onClick={reconnect}>
        Try now
      </button>
    </section>
  );
}
