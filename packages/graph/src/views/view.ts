import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { type NbdServer, startNbdServer } from '@tidemark/nbd';
import type { CheckpointFolder } from '@tidemark/checkpoint';
import { releaseTogether } from '@tidemark/tracking';
import type { GraphAction } from '../transaction/graph-action.ts';
import type { DriveView } from './drive-view.ts';
import type { OpenedView, ViewEnd } from './view-options.ts';

export interface ViewContext {
  readonly transaction: (actions: readonly GraphAction[]) => Promise<void>;
  readonly checkpoints: CheckpointFolder | undefined;
  readonly log: (message: string) => void;
}

/** Several drives as they were in one instant, on a server of their own. */
export class View {
  readonly id = randomBytes(16).toString('hex');
  readonly #drives: readonly DriveView[];
  readonly #context: ViewContext;
  #folder: string | undefined;
  #server: NbdServer | undefined;
  #hasBegun = false;
  #isHeld = false;

  constructor(drives: readonly DriveView[], context: ViewContext) {
    this.#drives = drives;
    this.#context = context;
  }

  /** @throws what the transaction, a flush or the server throws: nothing is left but to `end` it */
  async open(): Promise<OpenedView> {
    await this.#context.transaction(this.#drives.flatMap((drive) => actionsOf(drive)));
    this.#hasBegun = true;
    // A bitmap that begins here calls clean what may be in a cache only. A power cut would take that
    // away, when the copy of it is durable elsewhere.
    for (const { node, options } of this.#drives) if (options.begin) await node.device.flush();
    this.#folder = await mkdtemp(join(tmpdir(), 'tidemark-view-'));
    const path = join(this.#folder, 'nbd');
    this.#server = await startNbdServer({
      address: { type: 'unix', path },
      exports: this.#drives.map((drive) => drive.exported()),
      log: this.#context.log,
    });
    return { id: this.id, socket: path };
  }

  /**
   * Bitmaps that began with it stay from now on, however it ends: somebody has noted what he has read of
   * it, and wants to know what is written later.
   */
  hold(): void {
    this.#isHeld = true;
  }

  /** @throws what a change of bitmaps throws: the view goes on then, unless it was not to be kept */
  async end(end: ViewEnd): Promise<void> {
    if (end.keep && end.checkpoint !== undefined) await this.#clear(end.checkpoint);
    await this.#server?.close();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
    for (const drive of this.#drives) {
      await drive.close();
      await drive.thaw();
    }
    if (this.#hasBegun && !end.keep && !this.#isHeld) await this.#takeBack();
  }

  async #clear(checkpoint: string): Promise<void> {
    const { checkpoints, log } = this.#context;
    const frozen = this.#drives.flatMap((drive) => drive.frozen ?? []);
    await releaseTogether(frozen, { checkpoint, checkpoints, onNotice: log });
    for (const drive of this.#drives) drive.forgetFreeze();
  }

  async #takeBack(): Promise<void> {
    const { transaction, log } = this.#context;
    for (const { node, options } of this.#drives) {
      const name = options.begin?.name;
      if (name === undefined) continue;
      await transaction([{ op: 'remove', node: node.name, name }]).catch((error: unknown) =>
        log(`bitmap '${name}' of '${node.name}' stays, and nobody needs it: ${String(error)}`),
      );
    }
  }
}

function actionsOf(drive: DriveView): readonly GraphAction[] {
  const { node, begin } = drive.options;
  const steps: GraphAction = { op: 'instant', node, steps: (tracked) => drive.steps(tracked) };
  if (begin === undefined) return [steps];
  const { name, granularity } = begin;
  const size = granularity === undefined ? {} : { granularity };
  return [{ op: 'add', node, name, ...size, persistent: true, disabled: false }, steps];
}
