import type { Socket } from 'node:net';
import type { NbdServerTls } from '@tidemark/nbd';
import { unparkBitmaps } from '@tidemark/tracking';
import { refusal } from '../errors.ts';
import type { ExportTable } from '../exports/export-table.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import { checkNodeName } from '../nodes/names.ts';
import type { NodeOptions } from '../nodes/node-options.ts';
import { openNode, type OpenNodeContext } from '../nodes/open-node.ts';
import { type HandOverAddress, listenForSource, type Listening } from './address.ts';
import { Channel } from './channel.ts';
import { describeLost, openInTime } from './go-on.ts';
import { type HandOverOffer, type HandOverTake, reasonOf } from './messages.ts';
import type { HandOverInfo } from './status.ts';

export interface ExpectOptions {
  /** How the drive is opened here; its files are opened when it comes. */
  readonly options: NodeOptions;
  readonly address: HandOverAddress;
  readonly tls?: NbdServerTls | undefined;
}

export interface ExpectContext {
  readonly nodes: OpenNodeContext;
  readonly exports: ExportTable;
  readonly log: (message: string) => void;
  readonly tell: (info: HandOverInfo) => void;
}

/** Milliseconds for the first word of who connects. */
const OFFER_TIMEOUT = 10_000;
/** Milliseconds for a lock that whoever looks at the drive may have for a moment. */
const LOCK_PATIENCE = 3000;

/** Waits for a source to hand a drive over, until one has. */
export class Expectation {
  readonly #options: ExpectOptions;
  readonly #context: ExpectContext;
  readonly name: string;
  #listening: Listening | undefined;
  #talk: Promise<void> | undefined;
  #isOver = false;

  /** @throws USAGE: it is not a drive that can come */
  constructor(options: ExpectOptions, context: ExpectContext) {
    this.#options = options;
    this.#context = context;
    const name = options.options['node-name'];
    if (name === undefined) throw refusal("'node-name' must be specified for the root node");
    this.name = name;
    checkNodeName(name, (taken) => context.nodes.table.get(taken) !== undefined);
    if (!('file' in options.options) || typeof options.options.file === 'string') {
      throw refusal('a drive that is expected is a raw or qcow2 node with its file inside');
    }
  }

  /** @throws as `listenForSource` */
  async listen(): Promise<HandOverAddress> {
    const { address, tls } = this.#options;
    const { log } = this.#context;
    const welcome = (socket: Socket) => this.#welcome(socket);
    this.#listening = await listenForSource(address, tls, { welcome, log });
    this.#tell('expecting');
    return this.#listening.address;
  }

  /** What is under way ends first. Idempotent. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#listening?.close();
    await this.#talk;
  }

  #welcome(socket: Socket): void {
    if (this.#talk !== undefined || this.#isOver) {
      socket.destroy();
      return;
    }
    socket.setKeepAlive(true, 5000);
    const channel = new Channel(socket);
    this.#talk = this.#receive(channel).finally(() => {
      channel.close();
      this.#talk = undefined;
      if (this.#isOver) void this.#listening?.close();
    });
  }

  /** Never throws. */
  async #receive(channel: Channel): Promise<void> {
    try {
      const offer = await channel.receive(['offer'], OFFER_TIMEOUT);
      this.#tell('negotiating');
      this.#check(offer);
      await channel.send({ type: 'ready' });
      // As long as the source takes to end what is under way; it hangs up, or is found dead.
      const take = await channel.receive(['take'], Infinity);
      const warnings = await this.#take(offer, take);
      this.#isOver = true;
      this.#tell('completed', warnings.length > 0 ? warnings.join('; ') : undefined);
      // The drive is here, whether the source hears of it or not.
      await channel.send({ type: 'taken', warnings: [...warnings] }).catch(() => {});
    } catch (error) {
      const reason = reasonOf(error);
      this.#tell('failed', reason);
      await channel.send({ type: 'refused', reason }).catch(() => {});
    }
  }

  #check({ format, exports }: HandOverOffer): void {
    const { driver } = this.#options.options;
    if (driver !== format) throw refusal(`the drive is ${format}, and ${driver} is expected`);
    checkNodeName(this.name, (taken) => this.#context.nodes.table.get(taken) !== undefined);
    for (const { options } of exports) {
      const { id, name } = options;
      if (this.#context.exports.hasRoomFor({ id, name })) continue;
      throw refusal(`export '${name}' cannot be made here: no NBD server, or one that has it`);
    }
  }

  /**
   * Under the lock that the source has let go of. The removal of the marker, which is durable before
   * anybody can write, is the point from which on the drive is ours. @returns what was lost
   */
  async #take(
    { size, options, exports }: HandOverOffer,
    { parked }: HandOverTake,
  ): Promise<readonly string[]> {
    const lost: string[] = [];
    const onOpened = async (node: BlockNode) => {
      if (node.device.size !== size) {
        throw refusal(`the drive has ${size} bytes, and that one ${node.device.size}`);
      }
      const report = await unparkBitmaps(await node.drive(), parked, { mayBeTaken: false });
      lost.push(...describeLost(report));
    };
    const { nodes } = this.#context;
    const wanted = { ...options, ...this.#options.options };
    const open = () => openNode(wanted, { ...nodes, onOpened });
    const node = await openInTime(open, LOCK_PATIENCE);
    for (const recipe of exports) {
      await this.#context.exports.addLike(recipe, node).catch((error: unknown) => {
        lost.push(`an export is not there: ${reasonOf(error)}`);
      });
    }
    return lost;
  }

  #tell(status: HandOverInfo['status'], reason?: string): void {
    const about = { node: this.name, role: 'target', status } as const;
    this.#context.tell({ ...about, ...(reason !== undefined && { reason }) });
  }
}
