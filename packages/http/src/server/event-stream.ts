import type { ServerResponse } from 'node:http';
import { HttpProblem } from '../http-problem.ts';

/** What the stream of events takes and gives. */
export interface EventLimits {
  /** How many may listen. */
  readonly clients: number;
  /** Milliseconds between two looks at what has changed. */
  readonly every: number;
  /** Milliseconds of silence after which a comment is sent. */
  readonly silence: number;
  /** Milliseconds after which a client that does not read is hung up on. */
  readonly patience: number;
}

export const EVENT_LIMITS: EventLimits = {
  clients: 32,
  every: 1000,
  silence: 15_000,
  patience: 15_000,
};

interface Client {
  readonly response: ServerResponse;
  /** What it was told last. */
  told: string;
  /** Of `performance.now`. */
  wroteAt: number;
}

/**
 * Tells clients what there is, whole, whenever it has changed. One that reads slowly misses what was
 * in between and gets the newest; one that does not read is hung up on: none takes memory of ours.
 */
export class EventStream {
  readonly #clients = new Set<Client>();
  readonly #look: () => Promise<string>;
  readonly #limits: EventLimits;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<string> | undefined;

  /** `look`: what there is now, as JSON. */
  constructor(look: () => Promise<string>, limits: EventLimits) {
    this.#look = look;
    this.#limits = limits;
  }

  /** @throws HttpProblem: too many listen */
  async add(response: ServerResponse): Promise<void> {
    if (this.#clients.size >= this.#limits.clients) {
      const hint = 'close another page, or ask again without events';
      throw new HttpProblem(503, 'TOO_MANY_CLIENTS', 'too many clients listen', { hint });
    }
    const client: Client = { response, told: '', wroteAt: performance.now() };
    this.#clients.add(client);
    response.on('close', () => this.#remove(client));
    try {
      const text = await this.#lookOnce();
      if (response.destroyed) return;
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
      });
      this.#tell(client, text);
    } catch (error) {
      this.#remove(client);
      throw error;
    }
    this.#timer ??= setInterval(() => void this.#tick(), this.#limits.every);
  }

  close(): void {
    for (const { response } of this.#clients) response.destroy();
  }

  #remove(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tick(): Promise<void> {
    if (this.#looking !== undefined) return;
    const text = await this.#lookOnce().catch(() => undefined);
    const now = performance.now();
    for (const client of this.#clients) {
      const quiet = now - client.wroteAt;
      if (client.response.writableNeedDrain) {
        if (quiet > this.#limits.patience) client.response.destroy();
      } else if (!client.response.headersSent) {
        // Told by `add`.
      } else if (text !== undefined && text !== client.told) this.#tell(client, text);
      else if (quiet >= this.#limits.silence) this.#write(client, ':\n\n');
    }
  }

  /** Several that come at once look once. */
  async #lookOnce(): Promise<string> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  #tell(client: Client, text: string): void {
    client.told = text;
    this.#write(client, `event: snapshot\ndata: ${text}\n\n`);
  }

  #write(client: Client, text: string): void {
    client.wroteAt = performance.now();
    client.response.write(text);
  }
}
