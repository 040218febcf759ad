import type { BlockGraph, BlockNode, GraphAction } from '@tidemark/graph';
import {
  type Bitmap,
  type BitmapVerb,
  type Drive,
  type DriveMap,
  type Exports,
  HttpProblem,
  type HttpService,
  type Job,
  type MapQuery,
  type NewBitmap,
  noDrive,
  type Points,
} from '@tidemark/http';
import { TidemarkError } from '@tidemark/core';
import { countBits } from '../count-bits.ts';
import { Activity } from './activity.ts';
import { BitsAtRest } from './bits-at-rest.ts';
import { describeBitmap, describeDrive, describeExports, describeJob } from './describe-drive.ts';
import { driveMap } from './drive-map.ts';
import { RestorePoints } from './restore-points.ts';

export interface GraphHttpServiceOptions {
  readonly graph: BlockGraph;
  readonly version: string;
  /** What keeps it from serving, a sentence each. */
  readonly problems: () => readonly string[];
  /** Runs a change of the graph when its turn comes. */
  readonly takeTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Paths. */
  readonly repositories: readonly string[];
}

/** The graph as HTTP clients see it. */
export class GraphHttpService implements HttpService {
  readonly #options: GraphHttpServiceOptions;
  readonly #activity: Activity;
  readonly #points: RestorePoints;
  readonly #atRest = new BitsAtRest();
  readonly #startedAt = new Date(Date.now() - process.uptime() * 1000).toISOString();
  /** Maps are made one after the other: many that are asked for at once take no more of a turn. */
  #lastMap: Promise<unknown> = Promise.resolve();

  constructor(options: GraphHttpServiceOptions, activity: Activity) {
    this.#options = options;
    this.#activity = activity;
    this.#points = new RestorePoints(options.repositories);
  }

  service() {
    const { version, problems } = this.#options;
    const found = [...problems()];
    return { version, startedAt: this.#startedAt, ready: found.length === 0, problems: found };
  }

  async drives(): Promise<Drive[]> {
    const { graph } = this.#options;
    await countBits(graph);
    await this.#atRest.load(this.#nodes());
    return this.#nodes().map((node) => describeDrive(node, graph, this.#activity));
  }

  exports(): Exports {
    return describeExports(this.#options.graph);
  }

  jobs(): Job[] {
    return this.#options.graph.jobs.list().map((job) => describeJob(job, this.#activity));
  }

  points(): Promise<Points> {
    return this.#points.list();
  }

  map(drive: string, query: MapQuery): Promise<DriveMap> {
    const made = this.#lastMap.then(() => {
      const node = this.#node(drive);
      return driveMap(node, this.#activity.of(node).heat, query);
    });
    this.#lastMap = made.catch(() => {});
    return made;
  }

  async cancelJob(id: string): Promise<void> {
    const { graph, takeTurn } = this.#options;
    await takeTurn(async () => {
      const job = graph.jobs.get(id);
      if (job === undefined) {
        throw new HttpProblem(404, 'NOT_FOUND', `there is no job '${id}'`, { where: id });
      }
      try {
        graph.jobs.cancel(job);
      } catch (error) {
        if (!(error instanceof TidemarkError) || error.code !== 'USAGE') throw error;
        throw new HttpProblem(409, 'CONFLICT', error.message, { where: id });
      }
    });
  }

  async addBitmap(
    drive: string,
    { name, granularity, persistent = true, disabled = false }: NewBitmap,
  ) {
    const size = granularity === undefined ? {} : { granularity };
    return this.#change(drive, name, { op: 'add', name, ...size, persistent, disabled });
  }

  async removeBitmap(drive: string, name: string): Promise<void> {
    await this.#transaction(drive, { op: 'remove', name });
  }

  changeBitmap(drive: string, name: string, verb: BitmapVerb): Promise<Bitmap> {
    return this.#change(drive, name, { op: verb, name });
  }

  async #change(drive: string, name: string, action: WithoutNode): Promise<Bitmap> {
    await this.#transaction(drive, action);
    const infos = (await this.#node(drive).tracked?.list()) ?? [];
    const found = infos.find((info) => info.name === name);
    if (found !== undefined) return describeBitmap(found, true);
    throw new TidemarkError('BITMAP_NOT_FOUND', `Bitmap '${name}' is gone again`, { bitmap: name });
  }

  #transaction(drive: string, action: WithoutNode): Promise<void> {
    const { graph, takeTurn } = this.#options;
    return takeTurn(() => {
      const { name } = this.#node(drive);
      return graph.transaction([{ ...action, node: name }]);
    });
  }

  #nodes(): readonly BlockNode[] {
    return this.#options.graph.nodes.list().filter(({ isInline }) => !isInline);
  }

  #node(name: string): BlockNode {
    const node = this.#options.graph.nodes.get(name);
    if (node === undefined || node.isInline) throw noDrive(name);
    return node;
  }
}

type BitmapActions = Extract<
  GraphAction,
  { op: 'add' | 'remove' | 'clear' | 'enable' | 'disable' }
>;
type WithoutNode = BitmapActions extends infer T
  ? T extends unknown
    ? Omit<T, 'node'>
    : never
  : never;
