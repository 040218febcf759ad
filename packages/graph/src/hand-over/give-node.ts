import { randomBytes } from 'node:crypto';
import type { BlockDevice } from '@tidemark/block';
import type { NbdClientTls } from '@tidemark/nbd';
import { type ParkedBitmaps, parkBitmaps } from '@tidemark/tracking';
import { refusal } from '../errors.ts';
import type { ExportRecipe } from '../exports/block-export.ts';
import type { ExportTable } from '../exports/export-table.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import type { NodeOptions } from '../nodes/node-options.ts';
import type { NodeUser } from '../nodes/node-user.ts';
import { connectToTarget, type HandOverAddress } from './address.ts';
import { Channel } from './channel.ts';
import { checkGivable, closeFiles, filesOf } from './files-of-node.ts';
import { GoneDevice } from './gone-device.ts';
import { HAND_OVER_VERSION, INHERITED, reasonOf } from './messages.ts';
import { goOn } from './go-on.ts';

export interface GiveOptions {
  readonly node: BlockNode;
  readonly to: HandOverAddress;
  readonly tls?: NbdClientTls | undefined;
  /** Milliseconds: for the writes under way, and for each answer. */
  readonly timeout: number;
}

export interface GiveContext {
  readonly exports: ExportTable;
  readonly log: (message: string) => void;
  /** Writes wait from now on. */
  readonly onPause: () => void;
}

/** What a source that has let go of a drive knows of it. */
export interface LetGo {
  readonly parked: ParkedBitmaps;
  /** Of its exports, which are gone. */
  readonly recipes: readonly ExportRecipe[];
}

export type GiveOutcome =
  | { readonly kind: 'given'; readonly warnings: readonly string[] }
  /** Users go on as if nothing had been. */
  | { readonly kind: 'kept'; readonly reason: string }
  /** Nobody can use the node: somebody has its files, or they cannot be opened. */
  | { readonly kind: 'stopped'; readonly reason: string; readonly letGo: LetGo };

/**
 * Hands a node's drive over to the daemon at `to`, which expects it. Who has the lock on the drive's
 * file has the drive: it is let go of once all is durable, before the target is told to take it, and
 * gone on with only under the lock again. @throws USAGE, CONNECTION_LOST, PERMISSION_DENIED,
 *   PROTOCOL_ERROR: nothing has begun
 */
export async function giveNode(options: GiveOptions, context: GiveContext): Promise<GiveOutcome> {
  const { node, to, tls, timeout } = options;
  checkGivable(node);
  const user: NodeUser = { kind: 'hand-over', fixesSize: true };
  node.users.add(user);
  try {
    const channel = new Channel(await connectToTarget(to, tls));
    try {
      const giving = new Giving(options, context, channel);
      await giving.offer();
      return await giving.give(timeout);
    } finally {
      channel.close();
    }
  } finally {
    node.users.delete(user);
  }
}

class Giving {
  readonly #options: GiveOptions;
  readonly #context: GiveContext;
  readonly #channel: Channel;
  readonly #id = randomBytes(16).toString('hex');
  readonly #recipes: readonly ExportRecipe[];
  #outcome: GiveOutcome = { kind: 'kept', reason: 'it has not begun' };
  #cutting: Promise<void> | undefined;
  /** Nobody has said that it is not, and no lock here would tell. */
  #mayBeTakenElsewhere = false;

  constructor(options: GiveOptions, context: GiveContext, channel: Channel) {
    this.#options = options;
    this.#context = context;
    this.#channel = channel;
    this.#recipes = context.exports.of(options.node).map(({ recipe }) => recipe);
  }

  async offer(): Promise<void> {
    const { node, timeout } = this.#options;
    const offer = {
      type: 'offer' as const,
      version: HAND_OVER_VERSION,
      id: this.#id,
      node: node.name,
      format: node.disk.image === undefined ? 'raw' : 'qcow2',
      size: node.device.size,
      options: inheritedOf(node.options),
      exports: this.#recipes,
    };
    await this.#channel.send(offer);
    const answer = await this.#channel.receive(['ready', 'refused'], timeout);
    if (answer.type === 'refused') throw refusal(`the target refuses the drive: ${answer.reason}`);
  }

  /** @throws USAGE: writes under way do not end in time; nothing has begun */
  async give(patience: number): Promise<GiveOutcome> {
    const { node } = this.#options;
    if (node.tracked?.trouble !== undefined) {
      throw refusal(`writes to '${node.name}' wait for the disk to be mended`);
    }
    this.#context.onPause();
    node.isAway = true;
    try {
      await node.device.replace(() => this.#give(), { patience });
      // It ends once those who waited have been told, which nobody hears.
      await this.#cutting;
    } finally {
      node.isAway = this.#outcome.kind === 'stopped';
    }
    if (this.#outcome.kind === 'kept') await this.#holdAgain();
    return this.#outcome;
  }

  /** While users wait. @returns what is behind the node from now on */
  async #give(): Promise<BlockDevice> {
    const { node } = this.#options;
    const before = node.tracked!;
    let parked: ParkedBitmaps;
    try {
      parked = await parkBitmaps(before, this.#id);
    } catch (error) {
      this.#outcome = { kind: 'kept', reason: reasonOf(error) };
      return before.device;
    }
    const reason = await this.#letGo(parked);
    if (reason === undefined) return this.#goneDevice();
    const { log } = this.#context;
    try {
      if (this.#mayBeTakenElsewhere) throw unknownOwner(node.name);
      const { device, lost } = await goOn(node, parked, { patience: this.#options.timeout, log });
      this.#outcome = { kind: 'kept', reason: [reason, ...lost].join('; ') };
      return device;
    } catch (error) {
      const letGo = { parked, recipes: this.#recipes };
      this.#outcome = { kind: 'stopped', reason: `${reason}; ${reasonOf(error)}`, letGo };
      return this.#goneDevice();
    }
  }

  /** @returns why the target has not got the drive, as far as is known; undefined: it has */
  async #letGo(parked: ParkedBitmaps): Promise<string | undefined> {
    const { node, timeout } = this.#options;
    try {
      try {
        await node.untrack();
      } finally {
        node.tracked = undefined;
        await closeFiles(node);
      }
      this.#mayBeTakenElsewhere = !isLockedForAll(node);
      await this.#channel.send({ type: 'take', parked });
      const answer = await this.#channel.receive(['taken', 'refused'], timeout);
      this.#mayBeTakenElsewhere = false;
      if (answer.type === 'refused') return answer.reason;
      this.#outcome = { kind: 'given', warnings: answer.warnings };
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** Its users are hung up on before their requests fail: they are to ask who has the drive. */
  #goneDevice(): BlockDevice {
    const { node } = this.#options;
    this.#cutting = this.#context.exports.cut(node);
    return new GoneDevice({ label: `drive '${node.name}'`, size: node.device.size });
  }

  async #holdAgain(): Promise<void> {
    for (const exported of this.#context.exports.of(this.#options.node)) {
      await exported.holdAgain().catch((error: unknown) => {
        this.#context.log(`warning: export '${exported.id}' lacks a bitmap: ${reasonOf(error)}`);
      });
    }
  }
}

/** A file's locks are those of its file system; a block device is locked for programs of this host. */
function isLockedForAll(node: BlockNode): boolean {
  if (node.reopening !== undefined) return node.reopening.isLockedForAll;
  return filesOf(node).every(({ driver }) => driver === 'file');
}

function unknownOwner(name: string): Error {
  return refusal(
    `whether the target has '${name}' is not known, and locks of a block device` +
      ' reach no other host: resume it once the target is known not to have it',
  );
}

function inheritedOf(options: NodeOptions): object {
  const given = Object.entries(options).filter(([name]) => INHERITED.includes(name));
  return Object.fromEntries(given);
}
