import type { HttpWanted } from './serve-http.ts';

/** An HTTP server of a configuration. */
export interface HttpListener {
  /** Where it listens, with the port that the system chose. */
  readonly address: string;
  /**
   * Looks at what is to hold from now on, at the same address. @returns what makes it hold, and does
   * not fail. @throws what is wrong with it
   */
  prepare(wanted: HttpWanted): Promise<() => void>;
  close(): Promise<void>;
}
