import { spawn } from 'node:child_process';

export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (message: string) => void;
  /** The program that speaks for us. Default `systemd-notify`. */
  readonly program?: string;
}

/**
 * Tells systemd how we are: sd_notify(3). Node has no datagram sockets of the unix kind, so the
 * program of systemd's own sends it, which waits until the manager has read it. It may have to send
 * under its own process id, therefore units need `NotifyAccess=all`.
 */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  #isMissing = false;
  /** Messages must not overtake each other. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
  }

  /** Whether somebody wants to be told. */
  get isThere(): boolean {
    return (this.#options.env['NOTIFY_SOCKET'] ?? '') !== '' && !this.#isMissing;
  }

  /** Milliseconds after which we are ended where nothing is heard of us. Absent: never. */
  get watchdog(): number | undefined {
    const { WATCHDOG_USEC: period, WATCHDOG_PID: pid } = this.#options.env;
    const isOurs = pid === undefined || pid === String(process.pid);
    const milliseconds = Number(period) / 1000;
    return this.isThere && isOurs && milliseconds > 0 ? milliseconds : undefined;
  }

  async ready(status: string): Promise<void> {
    await this.#tell('READY=1', statusOf(status));
  }

  /** `ready` is to follow. */
  async reloading(): Promise<void> {
    const microseconds = process.hrtime.bigint() / 1000n;
    await this.#tell(
      'RELOADING=1',
      `MONOTONIC_USEC=${microseconds}`,
      'STATUS=reading configuration',
    );
  }

  async stopping(): Promise<void> {
    await this.#tell('STOPPING=1', 'STATUS=storing bitmaps');
  }

  async alive(): Promise<void> {
    await this.#tell('WATCHDOG=1');
  }

  async status(status: string): Promise<void> {
    await this.#tell(statusOf(status));
  }

  async #tell(...assignments: readonly string[]): Promise<void> {
    if (!this.isThere) return;
    const told = this.#last.then(() => this.#send(assignments));
    this.#last = told;
    await told;
  }

  async #send(assignments: readonly string[]): Promise<void> {
    const { env, log, program = 'systemd-notify' } = this.#options;
    await new Promise<void>((resolve) => {
      const child = spawn(program, assignments, {
        stdio: 'ignore',
        env: { PATH: env['PATH'], NOTIFY_SOCKET: env['NOTIFY_SOCKET'] },
      });
      child.once('error', (error) => {
        if (!this.#isMissing) log(`warning: the service manager is told nothing: ${error.message}`);
        this.#isMissing = true;
        resolve();
      });
      child.once('exit', () => resolve());
    });
  }
}

function statusOf(text: string): string {
  return `STATUS=${text.replaceAll(/\s+/g, ' ')}`;
}
