import type { JsonObject, QmpClient } from '@tidemark/qmp';
import type { Epoch, Shadow } from './shadow.ts';

/** Granularity in bytes. */
const ADDED = { persistent: true, granularity: 4096 };

/** Bitmaps that come and go together, in one transaction. */
const PAIR = ['left', 'right'] as const;

/** Who has the drive open. */
export interface Server {
  readonly uri: string;
  readonly qmp: QmpClient;
  /** The drive's name in commands. */
  readonly node: string;
}

interface Beginning {
  readonly names: readonly string[];
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
  /** They are removed one by one, where they are of no use. */
  #isPairApart = false;
  /** What was asked for last, until it is answered. */
  #beginning: Beginning | undefined;

  constructor(shadow: Shadow) {
    this.#shadow = shadow;
  }

  /** Goes on until it is told to stop, or the server dies. @throws what ends it */
  async work(server: Server, signal: AbortSignal): Promise<void> {
    this.#server = server;
    if (PAIR.some((name) => this.lost.has(name))) this.#isPairApart = true;
    for (const name of this.lost) await this.#remove(name);
    if (this.#isPairApart) {
      for (const name of PAIR) if (this.epochs.has(name)) await this.#remove(name);
    }
    for (const name of ['nightly', 'keep']) if (!this.epochs.has(name)) await this.#add(name);
    while (!signal.aborted) {
      await this.#begin('block-dirty-bitmap-clear', 'nightly');
      if (!this.epochs.has('extra')) await this.#add('extra');
      else {
        const { node } = server;
        await this.#execute('block-dirty-bitmap-merge', {
          ...{ node, target: 'nightly', bitmaps: ['extra'] },
        });
        await this.#remove('extra');
      }
      await this.#changePair();
    }
  }

  /** Whether one of two is there that were added, and are removed, in one step; they go one by one then. */
  tears(found: ReadonlyMap<string, unknown>): boolean {
    if (this.#isPairApart || found.has(PAIR[0]) === found.has(PAIR[1])) return false;
    this.#isPairApart = true;
    return true;
  }

  /** The server has died: a command that was not answered has taken effect, or not. */
  settle(): void {
    if (this.#beginning === undefined) return;
    const { names, end } = this.#beginning;
    const last = end();
    // What counts where the command has no effect is when it began before.
    for (const name of names) this.epochs.set(name, [...(this.epochs.get(name) ?? []), last]);
    this.#beginning = undefined;
  }

  async #add(name: string): Promise<void> {
    this.doubtful.add(name);
    await this.#begin('block-dirty-bitmap-add', name, ADDED);
    this.doubtful.delete(name);
  }

  async #changePair(): Promise<void> {
    const isThere = this.epochs.has(PAIR[0]);
    const type = isThere ? 'block-dirty-bitmap-remove' : 'block-dirty-bitmap-add';
    for (const name of PAIR) this.doubtful.add(name);
    const { node } = this.#server!;
    const actions = PAIR.map((name) => ({
      type,
      data: { node, name, ...(!isThere && ADDED) },
    }));
    const change = () => this.#execute('transaction', { actions });
    if (isThere) {
      await change();
      for (const name of PAIR) this.epochs.delete(name);
    } else await this.#beginAll(PAIR, change);
    this.#isPairApart = false;
    for (const name of PAIR) this.doubtful.delete(name);
  }

  async #remove(name: string): Promise<void> {
    this.doubtful.add(name);
    await this.#execute('block-dirty-bitmap-remove', { node: this.#server!.node, name });
    this.doubtful.delete(name);
    this.lost.delete(name);
    this.epochs.delete(name);
  }

  async #begin(command: string, name: string, args: JsonObject = {}): Promise<void> {
    const { node } = this.#server!;
    await this.#beginAll([name], () => this.#execute(command, { node, name, ...args }));
  }

  async #beginAll(names: readonly string[], change: () => Promise<void>): Promise<void> {
    const { end } = this.#shadow.begin();
    this.#beginning = { names, end };
    await change();
    this.#beginning = undefined;
    const epoch = end();
    for (const name of names) this.epochs.set(name, [epoch]);
  }

  async #execute(command: string, args: JsonObject): Promise<void> {
    await this.#server!.qmp.execute(command, args);
    this.commands += 1;
  }
}
