import type { BlockGraph } from '@tidemark/graph';

interface Seen {
  readonly done: number;
  /** When it stood there first, in milliseconds. */
  readonly since: number;
}

/** Finds disks that answer nothing while they are asked for something. */
export class DriveWatch {
  readonly #graph: BlockGraph;
  readonly #now: () => number;
  #seen: ReadonlyMap<string, Seen> = new Map();

  constructor(graph: BlockGraph, now: () => number = () => performance.now()) {
    this.#graph = graph;
    this.#now = now;
  }

  /** To be called regularly: what stands still between two calls is stuck. */
  look(): void {
    const seen = new Map<string, Seen>();
    for (const { name, device, tracked } of this.#graph.nodes.list()) {
      const { inFlight, done } = device.progress;
      // Writes that wait for room to mark them wait on purpose.
      if (inFlight === 0 || tracked?.trouble !== undefined) continue;
      const before = this.#seen.get(name);
      const isSame = before?.done === done;
      seen.set(name, isSame ? before : { done, since: this.#now() });
    }
    this.#seen = seen;
  }

  /** Names of nodes whose disks have ended no request for so long, in milliseconds. */
  stuckFor(milliseconds: number): readonly string[] {
    const now = this.#now();
    return [...this.#seen].flatMap(([name, { done, since }]) => {
      const progress = this.#graph.nodes.get(name)?.device.progress;
      const isStill = progress?.done === done && progress.inFlight > 0;
      return isStill && now - since >= milliseconds ? [name] : [];
    });
  }
}
