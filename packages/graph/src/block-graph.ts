import type { EmitEvent, GraphEvent } from './events.ts';
import { refusal } from './errors.ts';
import { ExportTable } from './exports/export-table.ts';
import { type Log, NbdService } from './exports/nbd-service.ts';
import type { NbdClientEvent } from '@tidemark/nbd';
import type { BlockNode } from './nodes/block-node.ts';
import { NodeTable } from './nodes/node-table.ts';
import { closeNode, openNode, type OpenNodeContext } from './nodes/open-node.ts';
import { reopenNodes } from './nodes/reopen-node.ts';
import type { GraphAction } from './transaction/graph-action.ts';
import { runActions, type RunActionsOptions } from './transaction/run-actions.ts';
import { HandOverTable } from './hand-over/hand-over-table.ts';
import { JobTable } from './jobs/job-table.ts';
import { ViewTable } from './views/view-table.ts';
import { CheckpointFolder } from '@tidemark/checkpoint';
import { type AdoptedDrive, adoptDrive } from './nodes/adopt-drive.ts';
import type { NodeOptions } from './nodes/node-options.ts';

/** Of a new `BlockGraph`. */
export interface BlockGraphOptions {
  /** Folder of checkpoints over several drives. */
  readonly checkpoints?: string | undefined;
  /** Hears what a user should know, in a sentence. */
  readonly log: Log;
  /** Hears of clients that come, choose an export and go. */
  readonly onClient?: (event: NbdClientEvent) => void;
}

/** The nodes, exports and jobs of one process. Calls that change it come one at a time. */
export class BlockGraph implements AsyncDisposable {
  readonly nodes = new NodeTable();
  readonly nbd: NbdService;
  readonly exports: ExportTable;
  readonly jobs: JobTable;
  readonly views: ViewTable;
  readonly handOvers: HandOverTable;
  readonly #folder: CheckpointFolder | undefined;
  readonly #log: (message: string) => void;
  readonly #context: OpenNodeContext;
  readonly #listeners = new Set<EmitEvent>();
  #closing: Promise<void> | undefined;

  constructor({ checkpoints, log, onClient }: BlockGraphOptions) {
    const emit = (event: GraphEvent) => {
      for (const listener of this.#listeners) listener(event);
    };
    this.#context = { table: this.nodes, checkpoints, onNotice: log };
    this.#log = log;
    this.#folder = checkpoints === undefined ? undefined : new CheckpointFolder(checkpoints);
    this.jobs = new JobTable({ emit, log });
    this.nbd = new NbdService(log, onClient);
    this.exports = new ExportTable({ nodes: this.nodes, nbd: this.nbd, emit });
    const transaction = (actions: readonly GraphAction[]) => this.transaction(actions);
    this.views = new ViewTable({ nodes: this.nodes, transaction, checkpoints: this.#folder, log });
    const { exports } = this;
    this.handOvers = new HandOverTable({ nodes: this.#context, exports, emit, log });
  }

  /** Hears what happens from now on, until the given function is called. */
  listen(listener: EmitEvent): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @throws see `openNode` */
  async addNode(options: NodeOptions): Promise<BlockNode> {
    if (options['node-name'] === undefined) {
      throw refusal("'node-name' must be specified for the root node");
    }
    return openNode(options, this.#context);
  }

  /**
   * Takes a drive that records already for a node, and owns it from then on.
   * @throws USAGE: its name
   */
  adopt(drive: AdoptedDrive): BlockNode {
    this.nodes.reserve(drive.name);
    const node = adoptDrive(drive);
    this.nodes.put(node);
    return node;
  }

  /** @throws see `reopenNodes` */
  async reopenNodes(options: readonly NodeOptions[]): Promise<void> {
    await reopenNodes(options, this.nodes, this.#log);
  }

  /** @throws see `runActions` */
  async transaction(actions: readonly GraphAction[], options?: RunActionsOptions): Promise<void> {
    const context = { nodes: this.#context, jobs: this.jobs, checkpoints: this.#folder };
    await runActions(actions, { ...context, log: this.#log }, options);
  }

  /** Stores the node's bitmaps and closes it. @throws USAGE: somebody uses it; I/O codes */
  async removeNode(name: string): Promise<void> {
    await closeNode(this.nodes.checkRemovable(name), this.nodes);
  }

  /** Writes that wait for the disk to be mended fail now: a close is near. */
  endWaiting(): void {
    for (const { tracked } of this.nodes.list()) tracked?.endWaiting();
  }

  /**
   * Cancels jobs, ends exports and server, then every node, those on top first. Idempotent.
   * @throws the first thing that failed, after all was closed
   */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const problems: unknown[] = [];
    const attempt = (work: Promise<void>) =>
      work.catch((error: unknown) => void problems.push(error));
    // Or the server would wait for the answers to them.
    this.endWaiting();
    await attempt(this.views.closeAll());
    await attempt(this.handOvers.close());
    await attempt(this.jobs.close());
    if (this.nbd.address !== undefined) await attempt(this.exports.stopServer());
    for (let top = this.#top(); top !== undefined; top = this.#top()) {
      await attempt(closeNode(top, this.nodes));
    }
    for (const problem of problems.slice(1)) this.#log(`closing failed: ${String(problem)}`);
    if (problems.length > 0) throw problems[0];
  }

  #top(): BlockNode | undefined {
    return this.nodes.list().find(({ parents }) => parents.size === 0);
  }
}
