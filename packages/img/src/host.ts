import type { NbdConnector } from './open/nbd-disk.ts';

/** Where a command prints, and what it reaches beyond files. */
export interface ImgHost {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Of the program, for who asks. */
  readonly version?: string;
  /** Omitted: images on NBD servers are refused by name. */
  readonly connectNbd?: NbdConnector | undefined;
}
