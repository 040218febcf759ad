import type { QmpClient } from '@tidemark/qmp';
import type { Epoch, Shadow } from './shadow.ts';

/** Bytes. */
const GRANULARITY = 4096;

/** Who has the drive open. */
export interface Server {
  readonly uri: string;
  readonly qmp: QmpClient;
  /** The drive's name in commands. */
  readonly node: string;
}

interface Beginning {
  readonly name: string;
  /** When it began before; that is what counts where the command has no effect. */
  readonly before: readonly Epoch[];
  readonly end: () => Epoch;
}

/** Somebody who adds, clears, merges and removes bitmaps of one drive while it is written. */
export class Admin {
  /** When each bitmap began; one of several moments where a command was not answered. */
  readonly epochs = new Map<string, readonly Epoch[]>();
  /** Bitmaps that are there, or not. */
  readonly doubtful = new Set<string>();
  /** Bitmaps that are there, and are of no use. */
  readonly lost = new Set<string>();
  commands = 0;
  readonly #shadow: Shadow;
  #server: Server | undefined;
  /** What was asked for last, until it is answered. */
  #beginning: Beginning | undefined;

  constructor(shadow: Shadow) {
    this.#shadow = shadow;
  }

  /** Goes on until it is told to stop, or the server dies. @throws what ends it */
  async work(server: Server, signal: AbortSignal): Promise<void> {
    this.#server = server;
    for (const name of this.lost) await this.#remove(name);
    for (const name of ['nightly', 'keep']) if (!this.epochs.has(name)) await this.#add(name);
    while (!signal.aborted) {
      await this.#begin('block-dirty-bitmap-clear', 'nightly');
      if (!this.epochs.has('extra')) await this.#add('extra');
      else {
        await this.#execute('block-dirty-bitmap-merge', { target: 'nightly', bitmaps: ['extra'] });
        await this.#remove('extra');
      }
    }
  }

  /** The server has died: a command that was not answered has taken effect, or not. */
  settle(): void {
    if (this.#beginning === undefined) return;
    const { name, before, end } = this.#beginning;
    this.epochs.set(name, [...before, end()]);
    this.#beginning = undefined;
  }

  async #add(name: string): Promise<void> {
    this.doubtful.add(name);
    await this.#begin('block-dirty-bitmap-add', name, {
      persistent: true,
      granularity: GRANULARITY,
    });
    this.doubtful.delete(name);
  }

  async #remove(name: string): Promise<void> {
    this.doubtful.add(name);
    await this.#execute('block-dirty-bitmap-remove', { name });
    this.doubtful.delete(name);
    this.lost.delete(name);
    this.epochs.delete(name);
  }

  async #begin(command: string, name: string, args: object = {}): Promise<void> {
    const { end } = this.#shadow.begin();
    this.#beginning = { name, before: this.epochs.get(name) ?? [], end };
    await this.#execute(command, { name, ...args });
    this.#beginning = undefined;
    this.epochs.set(name, [end()]);
  }

  async #execute(command: string, args: object): Promise<void> {
    const { qmp, node } = this.#server!;
    await qmp.execute(command, { node, ...args });
    this.commands += 1;
  }
}
