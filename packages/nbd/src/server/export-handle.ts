import type { Clients } from './clients.ts';
import type { RequestCount } from './export-counters.ts';
import type { ServedExport } from './served-export.ts';

/** An export that can be taken away while its server goes on. */
export interface ExportHandle {
  /** How many use it now. */
  readonly clients: number;
  /** What they and those before them have asked. */
  readonly counts: readonly RequestCount[];
  /**
   * Offers it to nobody any more, answers the requests under way and hangs up on those who use it.
   * Its device is not used any more when it resolves. Idempotent.
   */
  remove(): Promise<void>;
  /**
   * As `remove`, but hangs up in this tick: what is under way is not answered, so that a client that
   * connects again asks anew, here or elsewhere.
   */
  cut(): Promise<void>;
}

/** `exports`: those that the server offers. It changes, as its clients do. */
export function handleOf(
  served: ServedExport,
  exports: ServedExport[],
  clients: Clients,
): ExportHandle {
  const users = () => [...clients.served].filter((connection) => connection.uses(served));
  const withdraw = () => {
    const place = exports.indexOf(served);
    if (place !== -1) exports.splice(place, 1);
  };
  return {
    get clients() {
      return users().length;
    },
    get counts() {
      return served.counters.read();
    },
    async remove() {
      withdraw();
      await Promise.all(users().map((connection) => connection.close()));
    },
    async cut() {
      withdraw();
      await Promise.all(users().map((connection) => connection.cut()));
    },
  };
}
