import type { CheckpointFolder } from '@tidemark/checkpoint';
import { isTidemarkError } from '@tidemark/core';
import { type DriveAction, runTransaction } from '@tidemark/tracking';
import { refusal } from '../errors.ts';
import { openBackupFile } from '../jobs/backup-file.ts';
import type { JobTable, NewJob } from '../jobs/job-table.ts';
import { prepareBackup } from '../jobs/prepare-backup.ts';
import type { BlockNode } from '../nodes/block-node.ts';
import { findNode, type OpenNodeContext } from '../nodes/open-node.ts';
import type { GraphAction } from './graph-action.ts';

export interface RunActionsContext {
  readonly nodes: OpenNodeContext;
  readonly jobs: JobTable;
  readonly checkpoints: CheckpointFolder | undefined;
  readonly log: (message: string) => void;
}

export interface RunActionsOptions {
  /** Whether all jobs of it succeed or none does. Default false. */
  readonly grouped?: boolean;
}

/**
 * Makes all of the changes and begins all of the jobs, in one instant over all nodes, or nothing.
 * @throws the error of the first action that fails: memory and disk are as before
 */
export async function runActions(
  actions: readonly GraphAction[],
  context: RunActionsContext,
  { grouped = false }: RunActionsOptions = {},
): Promise<void> {
  const run = new ActionRun(context);
  try {
    await run.addAll(actions);
    const { checkpoints, log } = context;
    await runTransaction(run.steps, { checkpoints, onNotice: log });
  } catch (error) {
    await run.undo();
    throw error;
  }
  const groups = grouped ? [run.jobs] : run.jobs.map((job) => [job]);
  const started = groups.filter((jobs) => jobs.length > 0).map((jobs) => context.jobs.add(jobs));
  for (const { start } of started) start();
}

/** What the actions of one transaction need, and how to take that back. */
class ActionRun {
  readonly steps: DriveAction[] = [];
  readonly jobs: NewJob[] = [];
  readonly #context: RunActionsContext;
  readonly #undos: (() => Promise<void>)[] = [];
  /** Bitmaps that are made, by their node. */
  readonly #coming = new Map<BlockNode, Set<string>>();

  constructor(context: RunActionsContext) {
    this.#context = context;
  }

  async undo(): Promise<void> {
    for (const undo of this.#undos.toReversed()) await undo();
  }

  /** What is wrong with one of them is told in its turn: those before it may fail first. */
  async addAll(actions: readonly GraphAction[]): Promise<void> {
    for (const action of actions) {
      try {
        await this.#add(action);
      } catch (error) {
        const [first] = this.steps;
        if (first === undefined || !isTidemarkError(error)) throw error;
        this.steps.push({ drive: first.drive, action: { op: 'abort', error } });
        return;
      }
    }
  }

  async #add(action: GraphAction): Promise<void> {
    switch (action.op) {
      case 'abort':
        throw action.error;
      case 'backup': {
        const source = this.#find(action.options.device);
        const target = this.#find(action.options.target);
        return this.#addBackup(action.options, source, { target, dispose: async () => {} });
      }
      case 'drive-backup': {
        const source = this.#find(action.options.device);
        const file = await openBackupFile(action.options, source, this.#context.nodes);
        this.#undos.push(file.undo);
        const { node: target, dispose } = file;
        return this.#addBackup(action.options, source, { target, dispose });
      }
      case 'instant': {
        const node = this.#find(action.node);
        const drive = await node.drive();
        this.steps.push(...action.steps(node.tracked ?? drive));
        return;
      }
      default:
        return this.#addBitmapAction(action);
    }
  }

  async #addBackup(
    options: Parameters<typeof prepareBackup>[0]['options'],
    source: BlockNode,
    { target, dispose }: { readonly target: BlockNode; readonly dispose: () => Promise<void> },
  ): Promise<void> {
    const { jobs, log } = this.#context;
    const prepared = await prepareBackup({
      options,
      source,
      target,
      dispose,
      log,
      coming: this.#comingTo(source),
      checkId: (id) => {
        jobs.checkId(id);
        if (this.jobs.some((job) => job.id === id)) throw refusal(`Job ID '${id}' already in use`);
      },
    });
    this.#undos.push(() => prepared.job.work.clean());
    this.jobs.push(prepared.job);
    this.steps.push(...prepared.actions);
  }

  async #addBitmapAction(
    action: Exclude<GraphAction, { op: 'abort' | 'backup' | 'drive-backup' | 'instant' }>,
  ): Promise<void> {
    const node = this.#find(action.node);
    const drive = await node.drive();
    if (action.op === 'add') {
      if (action.persistent && node.lacksSidecar) {
        await node.makeSidecar();
        this.#undos.push(() => node.removeSidecar());
      }
      this.#comingTo(node).add(action.name);
    }
    // The sidecar may have put another drive in its place.
    const at = node.tracked ?? drive;
    if (action.op !== 'merge') {
      this.steps.push({ drive: at, action });
      return;
    }
    const { op, target, sources } = action;
    const found = [];
    for (const source of sources) {
      if (typeof source === 'string') found.push(source);
      else found.push({ drive: await this.#find(source.node).drive(), name: source.name });
    }
    this.steps.push({ drive: at, action: { op, target, sources: found } });
  }

  #comingTo(node: BlockNode): Set<string> {
    const coming = this.#coming.get(node) ?? new Set();
    this.#coming.set(node, coming);
    return coming;
  }

  #find(name: string): BlockNode {
    return findNode(this.#context.nodes.table, name);
  }
}
