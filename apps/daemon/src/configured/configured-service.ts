import { chmod } from 'node:fs/promises';
import type { BlockGraph, BlockNode } from '@tidemark/graph';
import { ConfigError } from '../config/config-error.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import type { Config } from '../config/schema.ts';
import type { ListenConfig } from '../config/serving-schema.ts';
import { awayDrives, broughtDrives, withoutDrives } from './away-drives.ts';
import { changeGraph } from './change-graph.ts';
import { located } from './located.ts';
import type { HttpListener } from '../http/http-listener.ts';
import type { HttpWanted } from '../http/serve-http.ts';
import type { Monitors } from './monitors.ts';
import { type Changes, planChanges } from './plan-changes.ts';
import { OtherApis } from './other-apis.ts';
import { Undo } from './undo.ts';

/** Something that listens where a configuration says. */
export interface Listener {
  close(): Promise<void>;
}

export interface ConfiguredServiceOptions {
  readonly graph: BlockGraph;
  readonly monitors: Monitors;
  readonly serveMetrics: (listen: ListenConfig) => Promise<Listener>;
  readonly serveHttp: (wanted: HttpWanted) => Promise<HttpListener>;
  /** What else is to hold once a configuration does. Does not throw. */
  readonly onApplied: (config: Config) => void;
  readonly log: (message: string) => void;
}

/** What a change of listeners has come to, until it holds. */
interface Listening {
  readonly metrics?: Listener;
  readonly http?: HttpListener;
  readonly configure?: (() => void) | undefined;
}

const NOTHING: Config = { drives: {}, exports: {}, qmp: [], log: {} };

/** What a configuration file has made of a daemon, and what it makes of it the next time. */
export class ConfiguredService {
  readonly #options: ConfiguredServiceOptions;
  /** The nodes that are ours: clients of QMP may have put others in their place. */
  readonly #nodes = new Map<string, BlockNode>();
  readonly #otherApis: OtherApis;
  #config: Config | undefined;
  #metrics: Listener | undefined;
  #http: HttpListener | undefined;

  constructor(options: ConfiguredServiceOptions) {
    this.#options = options;
    this.#otherApis = new OtherApis(options);
  }

  /**
   * Makes all that differs as the file says it. Whoever uses what does not differ notices nothing.
   * To be called one at a time, and not beside changes of the graph. @throws what is wrong, with its
   * place: all is as it was before
   */
  async apply(loaded: LoadedConfig): Promise<void> {
    const { graph, log, onApplied } = this.#options;
    this.#checkFixed(loaded);
    const known = await this.#current(loaded.config);
    const away = new Map([known, loaded.config].flatMap((each) => [...awayDrives(graph, each)]));
    const before = withoutDrives(known, away);
    const present = { ...loaded, config: withoutDrives(loaded.config, away) };
    const changes = planChanges(before, present.config);
    const undo = new Undo();
    let listening: Listening;
    let settleApis: () => Promise<void>;
    try {
      listening = await this.#listen(loaded, changes, undo);
      settleApis = await this.#otherApis.prepare(loaded, undo);
      await changeGraph({ graph, loaded: present, before, changes, undo, nodes: this.#nodes });
    } catch (error) {
      await undo.run(log);
      throw error;
    }
    // From here on nothing can fail that matters.
    for (const [name, why] of away) log(`warning: drive '${name}' is left alone: ${why}`);
    for (const name of Object.keys(this.#config?.drives ?? {})) {
      if (!Object.hasOwn(loaded.config.drives, name)) graph.handOvers.forgetGiven(name);
    }
    this.#config = loaded.config;
    for (const name of this.#nodes.keys()) {
      if (!Object.hasOwn(loaded.config.drives, name)) this.#nodes.delete(name);
    }
    onApplied(loaded.config);
    this.#endOld(changes, listening);
    await settleApis();
    await this.#setModes(loaded.config);
  }

  async close(): Promise<void> {
    await Promise.all([this.#metrics?.close(), this.#http?.close(), this.#otherApis.close()]);
  }

  /** What of the last configuration is still there, and what of the next one a hand-over has brought. */
  async #current(next: Config): Promise<Config> {
    const config = this.#config;
    if (config === undefined) return NOTHING;
    const { graph } = this.#options;
    const { nbd, ...rest } = config;
    const brought = await this.#takeBrought(next);
    const drives = Object.entries(config.drives).filter(
      ([name]) => graph.nodes.get(name) === this.#nodes.get(name),
    );
    const exported = new Set(graph.exports.list().map(({ id }) => id));
    const exports = Object.entries(config.exports).filter(([id]) => exported.has(id));
    return {
      ...rest,
      drives: { ...brought.drives, ...Object.fromEntries(drives) },
      exports: { ...brought.exports, ...Object.fromEntries(exports) },
      ...(nbd && graph.nbd.address !== undefined && { nbd }),
    };
  }

  /** They are ours from now on, as they are. @returns what the configuration says of them */
  async #takeBrought(next: Config): Promise<Pick<Config, 'drives' | 'exports'>> {
    const { graph } = this.#options;
    const brought = await broughtDrives(graph, next);
    for (const [name, node] of brought) this.#nodes.set(name, node);
    const drives = [...brought.keys()].map((name) => {
      const { bitmaps: _, ...drive } = next.drives[name]!;
      return [name, drive] as const;
    });
    const made = new Map(graph.exports.list().map(({ id, node }) => [id, node]));
    const exports = Object.entries(next.exports).filter(
      ([id, { drive }]) => brought.has(drive) && made.get(id) === drive,
    );
    return { drives: Object.fromEntries(drives), exports: Object.fromEntries(exports) };
  }

  #checkFixed({ config, document }: LoadedConfig): void {
    const was = this.#config;
    if (was === undefined || was.checkpoints === config.checkpoints) return;
    const text = 'this cannot be changed while drives are served: restart, or put it back';
    const keys = config.checkpoints === undefined ? [] : ['checkpoints'];
    throw new ConfigError([`${document.place(keys)}: checkpoints: ${text}`]);
  }

  /** @returns what listens in other places from now on, and what makes the rest hold */
  async #listen(
    loaded: LoadedConfig,
    { metrics: isOther, http, monitorsToAdd }: Changes,
    undo: Undo,
  ): Promise<Listening> {
    const { monitors, serveMetrics } = this.#options;
    const { metrics, qmp } = loaded.config;
    for (const monitor of monitorsToAdd) {
      const { unix, mode } = monitor;
      await located(loaded, ['qmp', qmp.indexOf(monitor)], () => monitors.listen(unix, mode));
      // Not waited for: what its clients have begun waits for its turn, which is ours.
      undo.push(`the monitor '${unix}'`, async () => void monitors.end(unix));
    }
    const about = await located(loaded, ['http'], () => this.#listenToHttp(loaded, http, undo));
    if (isOther === 'keep' || metrics === undefined) return about;
    const next = await located(loaded, ['metrics'], () => serveMetrics(metrics.listen));
    undo.push('metrics', () => next.close());
    return { ...about, metrics: next };
  }

  async #listenToHttp(
    { config }: LoadedConfig,
    change: Changes['http'],
    undo: Undo,
  ): Promise<Listening> {
    const { http, repositories = [] } = config;
    if (http === undefined) return {};
    const wanted = { http, repositories };
    if (change === 'configure') return { configure: await this.#http?.prepare(wanted) };
    const next = await this.#options.serveHttp(wanted);
    undo.push('HTTP', () => next.close());
    return { http: next };
  }

  #endOld({ metrics, http, monitorsToRemove }: Changes, next: Listening): void {
    const { log, monitors } = this.#options;
    const end = (what: string, work: Promise<unknown> | undefined) =>
      work?.catch((error: unknown) => log(`warning: ${what} did not end well: ${String(error)}`));
    if (metrics === 'change') {
      void end('metrics', this.#metrics?.close());
      this.#metrics = next.metrics;
    }
    if (http === 'change') {
      void end('HTTP', this.#http?.close());
      this.#http = next.http;
    }
    next.configure?.();
    // Not waited for: the command that we are may have come over one of them.
    for (const path of monitorsToRemove) void end('a monitor', monitors.end(path));
  }

  /** Of sockets that stay where they are. */
  async #setModes({
    nbd,
    qmp,
    metrics,
    http,
    imageio,
    'csi-metadata': csi,
  }: Config): Promise<void> {
    const servers = [nbd, metrics, http, imageio, csi];
    for (const listen of [...servers.map((server) => server?.listen), ...qmp]) {
      if (listen === undefined || !('unix' in listen) || listen.mode === undefined) continue;
      const { unix, mode } = listen;
      await chmod(unix, mode).catch((error: unknown) => {
        this.#options.log(`warning: '${unix}' keeps its mode: ${String(error)}`);
      });
    }
  }
}
