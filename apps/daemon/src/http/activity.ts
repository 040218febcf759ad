import type { BlockGraph, BlockNode, Job } from '@tidemark/graph';
import { Rate } from './rate.ts';
import { type HeatClock, WriteHeat } from './write-heat.ts';

const EVERY_MS = 1000;

/** What goes on in a drive. */
interface DriveActivity {
  readonly heat: WriteHeat;
  readonly requests: Rate;
  readonly bytes: Rate;
  readonly unwatch: () => void;
}

/** Counts what is written to drives and what jobs do, from now on, until it is closed. */
export class Activity {
  readonly #graph: BlockGraph;
  readonly #clock: HeatClock = { now: 1 };
  readonly #began = performance.now();
  readonly #drives = new Map<BlockNode, DriveActivity>();
  readonly #jobs = new Map<Job, Rate>();
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: () => void;

  constructor(graph: BlockGraph) {
    this.#graph = graph;
    for (const node of graph.nodes.list()) this.#begin(node);
    this.#stopListening = graph.nodes.listen((node) => this.#begin(node));
    this.#timer = setInterval(() => this.#sample(), EVERY_MS).unref();
  }

  /** Of a node that is there. */
  of(node: BlockNode): DriveActivity {
    return this.#drives.get(node) ?? this.#begin(node);
  }

  /** Bytes in a second. */
  rateOf(job: Job): number {
    return this.#jobs.get(job)?.perSecond ?? 0;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#stopListening();
    for (const { unwatch } of this.#drives.values()) unwatch();
  }

  #begin(node: BlockNode): DriveActivity {
    const heat = new WriteHeat(node.device.size, this.#clock);
    const unwatch = node.device.watch((offset, length) => heat.wrote(offset, length));
    const activity = { heat, requests: new Rate(), bytes: new Rate(), unwatch };
    this.#drives.set(node, activity);
    return activity;
  }

  #sample(): void {
    const now = performance.now();
    this.#clock.now = 1 + Math.floor((now - this.#began) / 1000);
    for (const [node, { heat, requests, bytes, unwatch }] of this.#drives) {
      if (this.#graph.nodes.get(node.name) !== node) {
        unwatch();
        this.#drives.delete(node);
        continue;
      }
      heat.fit(node.device.size);
      requests.sample(heat.requests, now);
      bytes.sample(heat.bytes, now);
    }
    const jobs = this.#graph.jobs.list();
    for (const job of this.#jobs.keys()) if (!jobs.includes(job)) this.#jobs.delete(job);
    for (const job of jobs) {
      const rate = this.#jobs.get(job) ?? new Rate();
      rate.sample(job.work.progress.current, now);
      this.#jobs.set(job, rate);
    }
  }
}
