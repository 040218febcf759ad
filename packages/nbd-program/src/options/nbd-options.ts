/** What a command line asks for, each option understood by itself. */
export interface NbdOptions {
  readonly task: 'serve' | 'list' | 'help' | 'version';
  /** Absent where exports are listed. */
  readonly file: string | undefined;
  readonly socket: string | undefined;
  readonly port: string;
  readonly bind: string;
  /** The number of a socket that the program was started with, to listen on. */
  readonly handedSocket: number | undefined;
  readonly format: string | undefined;
  readonly readOnly: boolean;
  readonly exportName: string;
  readonly description: string | undefined;
  /** In the order in which they came. */
  readonly bitmaps: readonly string[];
  readonly allocationDepth: boolean;
  readonly discards: boolean;
  /** Clients at a time; 0: any number. */
  readonly shared: number;
  readonly persistent: boolean;
  readonly fork: boolean;
  readonly pidFile: string | undefined;
  readonly objects: readonly string[];
  readonly tlsCreds: string | undefined;
  readonly tlsAuthz: string | undefined;
  readonly tlsHostname: string | undefined;
  readonly verbose: boolean;
}
