import { ApiError, type Snapshot, type TidemarkClient } from '@tidemark/http/client';
import { nextDelay } from '../model/backoff.ts';

export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | {
      readonly kind: 'lost';
      readonly since: number;
      readonly retryAt: number;
      readonly why: string;
    }
  /** The daemon wants a token, or another one. */
  | { readonly kind: 'token'; readonly message?: string };

export interface ConnectionEvents {
  snapshot(snapshot: Snapshot): void;
  state(state: ConnectionState): void;
}

/** The daemon says something each 15 s, a comment at least: this long without is a broken line. */
const SILENCE = 40_000;
const UNREACHABLE = 'the daemon cannot be reached';

/** Follows the stream of events; comes back by itself, later each time. */
export class Connection {
  readonly #client: Pick<TidemarkClient, 'events'>;
  readonly #onArrival: (watcher: () => void) => () => void;
  readonly #events: ConnectionEvents;
  #attempt: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #lostSince: number | undefined;

  /** `onArrival` tells of whatever comes from the daemon: a comment is a sign of life too. */
  constructor(
    client: Pick<TidemarkClient, 'events'>,
    onArrival: (watcher: () => void) => () => void,
    events: ConnectionEvents,
  ) {
    this.#client = client;
    this.#onArrival = onArrival;
    this.#events = events;
  }

  /** Begins, or begins anew at once. */
  connect(): void {
    this.stop();
    const attempt = new AbortController();
    this.#attempt = attempt;
    if (this.#lostSince === undefined) this.#events.state({ kind: 'connecting' });
    void this.#follow(attempt).catch((error: unknown) => {
      if (this.#attempt !== attempt) return;
      attempt.abort();
      this.#failed(error);
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#attempt?.abort();
    this.#attempt = undefined;
  }

  async #follow(attempt: AbortController): Promise<never> {
    const { signal } = attempt;
    const giveUp = (): void => attempt.abort(new Error('nothing is heard of the daemon'));
    let silence = setTimeout(giveUp, SILENCE);
    const ignore = this.#onArrival(() => {
      clearTimeout(silence);
      silence = setTimeout(giveUp, SILENCE);
    });
    try {
      for await (const snapshot of this.#client.events({ signal })) this.#arrived(snapshot);
      throw new Error('the daemon closed the connection');
    } finally {
      ignore();
      clearTimeout(silence);
    }
  }

  #arrived(snapshot: Snapshot): void {
    this.#failures = 0;
    this.#lostSince = undefined;
    this.#events.snapshot(snapshot);
    this.#events.state({ kind: 'live' });
  }

  #failed(error: unknown): void {
    this.#attempt = undefined;
    if (error instanceof ApiError && error.status === 401) {
      this.#lostSince = undefined;
      this.#events.state({ kind: 'token', message: error.message });
      return;
    }
    const now = Date.now();
    this.#lostSince ??= now;
    const delay = nextDelay(this.#failures++);
    this.#timer = setTimeout(() => this.connect(), delay);
    // A browser's own words for a connection that fails differ, and say little.
    const why =
      error instanceof Error && !(error instanceof TypeError) ? error.message : UNREACHABLE;
    this.#events.state({ kind: 'lost', since: this.#lostSince, retryAt: now + delay, why });
  }
}
