import type { NbdClientTls } from '@tidemark/nbd';
import type { EmitEvent } from '../events.ts';
import { nodeNotFound, refusal } from '../errors.ts';
import type { ExportTable } from '../exports/export-table.ts';
import { type BlockNode } from '../nodes/block-node.ts';
import { closeNode, findNode, type OpenNodeContext } from '../nodes/open-node.ts';
import type { HandOverAddress } from './address.ts';
import { type ExpectOptions, Expectation } from './expectation.ts';
import { filesOf } from './files-of-node.ts';
import { giveNode, type GiveOutcome, type LetGo } from './give-node.ts';
import { goOn } from './go-on.ts';
import { reasonOf } from './messages.ts';
import { type HandOverInfo, HandOverLog } from './status.ts';

export interface HandOverTableOptions {
  readonly nodes: OpenNodeContext;
  readonly exports: ExportTable;
  readonly emit: EmitEvent;
  readonly log: (message: string) => void;
}

/** Which drive another daemon is to have, and where that listens. */
export interface HandOverRequest {
  readonly node: string;
  readonly to: HandOverAddress;
  readonly tls?: NbdClientTls | undefined;
  /** Milliseconds; see `GiveOptions`. */
  readonly timeout: number;
}

/** Milliseconds for a lock, where somebody asks to go on. */
const RESUME_PATIENCE = 1000;

/** Drives that come from other daemons and go to them, with all that belongs to them. */
export class HandOverTable {
  readonly #options: HandOverTableOptions;
  readonly #log: HandOverLog;
  readonly #expected = new Map<string, Expectation>();
  /** Of nodes that nobody can use now. */
  readonly #stopped = new Map<string, LetGo>();

  constructor(options: HandOverTableOptions) {
    this.#options = options;
    this.#log = new HandOverLog(options.emit, options.log);
  }

  /** The last one of each node. */
  list(): readonly HandOverInfo[] {
    return this.#log.list();
  }

  /** Whether a source may bring this drive at any time. */
  isExpected(name: string): boolean {
    return this.#expected.has(name);
  }

  /** A drive that was handed over is nothing to us any more: it may be opened anew. */
  forgetGiven(name: string): void {
    const last = this.#log.get(name);
    if (last?.role === 'source' && last.status === 'completed') this.#log.forget(name);
  }

  /** Lets one source hand a drive over. @returns where it has to go; @throws as `Expectation` */
  async expect(options: ExpectOptions): Promise<HandOverAddress> {
    const { nodes, exports, log } = this.#options;
    const tell = (info: HandOverInfo) => {
      this.#log.tell(info);
      if (info.status === 'completed') this.#expected.delete(info.node);
    };
    const expectation = new Expectation(options, { nodes, exports, log, tell });
    const { name } = expectation;
    if (this.#expected.has(name)) throw refusal(`drive '${name}' is expected already`);
    this.#expected.set(name, expectation);
    try {
      return await expectation.listen();
    } catch (error) {
      this.#expected.delete(name);
      throw error;
    }
  }

  /** Waits for a drive no longer. @throws USAGE: it did not */
  async cancel(name: string): Promise<void> {
    const expectation = this.#expected.get(name);
    if (expectation === undefined) throw refusal(`drive '${name}' is not expected`);
    this.#expected.delete(name);
    await expectation.close();
    if (this.#log.get(name)?.status === 'completed') return;
    this.#log.tell({ node: name, role: 'target', status: 'cancelled' });
  }

  /** @throws why the node's drive was not handed over; what the log says tells who has it */
  async give({ node: name, ...request }: HandOverRequest): Promise<void> {
    const { nodes, exports, log } = this.#options;
    const node = nodes.table.get(name);
    if (node === undefined) throw nodeNotFound(name);
    if (this.#stopped.has(name)) throw refusal(`Node '${name}' is stopped by a hand-over`);
    this.#tell(name, 'negotiating');
    let outcome: GiveOutcome;
    try {
      const onPause = () => this.#tell(name, 'paused');
      outcome = await giveNode({ node, ...request }, { exports, log, onPause });
    } catch (error) {
      this.#tell(name, 'failed', reasonOf(error));
      throw error;
    }
    await this.#conclude(node, outcome);
  }

  /** Goes on with a node that a hand-over has stopped. @throws LOCKED: somebody else has its files */
  async resume(name: string): Promise<void> {
    const letGo = this.#stopped.get(name);
    if (letGo === undefined) throw refusal(`Node '${name}' is not stopped by a hand-over`);
    const { nodes, exports, log } = this.#options;
    const node = findNode(nodes.table, name);
    const lost: string[] = [];
    await node.device.replace(async () => {
      const again = await goOn(node, letGo.parked, { patience: RESUME_PATIENCE, log });
      lost.push(...again.lost);
      return again.device;
    });
    this.#stopped.delete(name);
    node.isAway = false;
    for (const recipe of letGo.recipes) {
      await exports.addLike(recipe, node).catch((error: unknown) => lost.push(reasonOf(error)));
    }
    const reason = ['it goes on here', ...lost].join('; ');
    this.#tell(name, 'failed', reason);
  }

  async close(): Promise<void> {
    for (const expectation of this.#expected.values()) await expectation.close();
    this.#expected.clear();
  }

  async #conclude(node: BlockNode, outcome: GiveOutcome): Promise<void> {
    const { name } = node;
    if (outcome.kind === 'given') {
      await this.#forget(node);
      const { warnings } = outcome;
      this.#tell(name, 'completed', warnings.length > 0 ? warnings.join('; ') : undefined);
      return;
    }
    const { reason } = outcome;
    if (outcome.kind === 'stopped') this.#stopped.set(name, outcome.letGo);
    this.#tell(name, outcome.kind === 'stopped' ? 'stopped' : 'failed', reason);
    const rest = outcome.kind === 'stopped' ? 'it is stopped here' : 'it goes on here';
    throw refusal(`drive '${name}' was not handed over, and ${rest}: ${reason}`);
  }

  /** Its files are closed already; what is behind it may be others', too. */
  async #forget(node: BlockNode): Promise<void> {
    const { table } = this.#options.nodes;
    const files = filesOf(node);
    await closeNode(node, table);
    for (const file of files) table.remove(file);
  }

  #tell(node: string, status: HandOverInfo['status'], reason?: string): void {
    const about = { node, role: 'source', status } as const;
    this.#log.tell({ ...about, ...(reason !== undefined && { reason }) });
  }
}
