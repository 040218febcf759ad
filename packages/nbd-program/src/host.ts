/** What the program runs in. */
export interface NbdHost {
  /** Prints on standard output. */
  readonly out: (text: string) => void;
  /** Prints on standard error. */
  readonly err: (text: string) => void;
  /** Of the program. */
  readonly version: () => string;
  /** Words by which Node starts this program anew: the script, and what leads to it. */
  readonly restart: readonly string[];
}
