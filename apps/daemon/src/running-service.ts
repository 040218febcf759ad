import type { BlockGraph } from '@tidemark/graph';
import { TidemarkError } from '@tidemark/core';
import { packageVersion } from '@tidemark/program';
import type { ServedDrive } from './compose.ts';
import { ConfigError } from './config/config-error.ts';
import type { LoadedConfig } from './config/load-config.ts';
import type { ListenConfig } from './config/serving-schema.ts';
import { ConfiguredService } from './configured/configured-service.ts';
import { Monitors } from './configured/monitors.ts';
import { Turns } from './configured/turns.ts';
import { countBits } from './count-bits.ts';
import { describeService } from './describe-service.ts';
import type { HttpListener } from './http/http-listener.ts';
import type { HttpWanted } from './http/serve-http.ts';
import type { Logger } from './log/logger.ts';
import { collect } from './metrics/collect.ts';
import { exposition } from './metrics/exposition.ts';
import { type MetricsServer, serveMetrics } from './metrics/serve-metrics.ts';
import type { DaemonOptions } from './options/parse-options.ts';
import { qmpTarget } from './qmp-target.ts';
import { serveSteps } from './serve.ts';
import { DriveWatch } from './systemd/drive-watch.ts';
import { ServiceManager } from './systemd/service-manager.ts';
import { startWatchdog } from './systemd/watchdog.ts';

export interface RunningServiceOptions {
  readonly options: DaemonOptions;
  /** Of drives that record. It is ours from now on. */
  readonly graph: BlockGraph;
  readonly logger: Logger;
  readonly loaded: LoadedConfig | undefined;
  /** Called when a client asks the program to end. */
  readonly stop: (why: string) => void;
}

/** Milliseconds without an answer after which a disk is told of in /readyz. */
const STUCK_MS = 10_000;

/** A graph with all that serves it, and all that tells of it. */
export class RunningService {
  readonly graph: BlockGraph;
  readonly #options: DaemonOptions;
  readonly #logger: Logger;
  readonly #turns = new Turns();
  readonly #monitors: Monitors;
  readonly #configured: ConfiguredService;
  readonly #manager: ServiceManager;
  readonly #drives: DriveWatch;
  readonly #stopWatchdog: () => void;
  readonly #reloads = { done: 0, failed: 0, isLastGood: true };
  #path: string | undefined;
  /** What an option asks for. */
  #http: HttpListener | undefined;
  #phase: 'starting' | 'serving' | 'closing' = 'starting';

  constructor({ options, graph, logger, loaded, stop }: RunningServiceOptions) {
    const { log } = logger;
    this.graph = graph;
    this.#options = options;
    this.#logger = logger;
    this.#path = loaded?.path;
    const quit = () => stop('quit');
    const reload = loaded && (() => this.#reload());
    const target = qmpTarget({ graph, objects: options.objects, log, quit, reload });
    this.#monitors = new Monitors({ target, turns: this.#turns, debug: logger.debug });
    this.#configured = new ConfiguredService({
      graph,
      log,
      monitors: this.#monitors,
      serveMetrics: (listen) => this.#serveMetrics(listen),
      serveHttp: (wanted) => this.#serveHttp(wanted),
      onApplied: (config) => logger.configure(config.log),
    });
    this.#manager = new ServiceManager({ env: process.env, log });
    this.#drives = new DriveWatch(graph);
    this.#stopWatchdog = startWatchdog({ manager: this.#manager, drives: this.#drives, log });
  }

  /** Does what configuration and options ask for. @throws what is wrong; to be closed then */
  async start(loaded: LoadedConfig | undefined, drives: readonly ServedDrive[]): Promise<void> {
    const { graph } = this;
    const monitors = this.#monitors;
    await this.#turns.run(async () => {
      if (loaded !== undefined) await this.#configured.apply(loaded);
      await serveSteps(this.#options, drives, { graph, monitors });
      const { http } = this.#options;
      if (http !== undefined) this.#http = await this.#serveHttp({ http, repositories: [] });
    });
  }

  /** From now on it serves, and says so. */
  async tellReady(): Promise<void> {
    this.#phase = 'serving';
    this.#logger.log(`ready: ${this.describe()}`);
    await this.#manager.ready(this.describe());
  }

  describe(): string {
    return describeService(this.graph, this.#monitors.paths);
  }

  /** Makes of it what the configuration says by now. @throws what is wrong: all is as it was */
  async reload(): Promise<void> {
    await this.#turns.run(() => this.#reload());
  }

  /** No new commands, then jobs and requests, then bitmaps and data of every drive, whatever fails. */
  async close(): Promise<void> {
    this.#phase = 'closing';
    await this.#manager.stopping();
    const problems: unknown[] = [];
    const attempt = (work: Promise<void>) =>
      work.catch((error: unknown) => void problems.push(error));
    // Or a command would wait for writes that wait for the disk to be mended.
    this.graph.endWaiting();
    await attempt(this.#monitors.close());
    // What has its turn now goes on to its end; what waits for one finds us closing.
    await this.#turns.run(async () => {});
    await attempt(this.graph.close());
    this.#stopWatchdog();
    await attempt(this.#configured.close());
    await attempt(this.#http?.close() ?? Promise.resolve());
    if (problems.length > 0) throw problems[0];
  }

  async #reload(): Promise<void> {
    const path = this.#path;
    if (path === undefined || this.#phase !== 'serving') return;
    const { log } = this.#logger;
    await this.#manager.reloading();
    try {
      const { loadConfig } = await import('./config/load-config.ts');
      await this.#configured.apply(await loadConfig(path));
      this.#reloads.done += 1;
      this.#reloads.isLastGood = true;
      log(`the configuration is read again: ${this.describe()}`);
    } catch (error) {
      this.#reloads.failed += 1;
      this.#reloads.isLastGood = false;
      for (const problem of problemsOf(error)) log(`error: nothing is changed: ${problem}`);
      throw error;
    } finally {
      await this.#manager.ready(this.describe());
    }
  }

  #serveMetrics(listen: ListenConfig): Promise<MetricsServer> {
    return serveMetrics(listen, {
      problems: () => this.#problems(),
      metrics: () => this.#metrics(),
    });
  }

  /** Its code is loaded where it is asked for: others start as fast as ever. */
  async #serveHttp(wanted: HttpWanted): Promise<HttpListener> {
    const { serveHttp } = await import('./http/serve-http.ts');
    const options = {
      graph: this.graph,
      version: packageVersion(import.meta.url),
      metrics: () => this.#metrics(),
      problems: () => this.#problems(),
      takeTurn: <T>(work: () => Promise<T>) =>
        this.#turns.run(() => {
          if (this.#phase !== 'closing') return work();
          throw new TidemarkError('DEVICE_CLOSED', 'the daemon is closing');
        }),
      log: this.#logger.log,
    };
    const listener = await serveHttp(options, wanted);
    this.#logger.log(`HTTP on ${listener.address}`);
    return listener;
  }

  async #metrics(): Promise<string> {
    await countBits(this.graph);
    return exposition(
      collect(this.graph, {
        version: packageVersion(import.meta.url),
        qmpClients: this.#monitors.clients,
        reloads: this.#reloads,
        isReady: this.#problems().length === 0,
      }),
    );
  }

  /** What keeps it from serving, a sentence each. */
  #problems(): readonly string[] {
    if (this.#phase !== 'serving') return [`it is ${this.#phase}`];
    const stuck = this.#drives.stuckFor(STUCK_MS).map((name) => `drive '${name}' does not answer`);
    const blocked = this.graph.nodes.list().flatMap(({ name, tracked }) => {
      const { trouble } = tracked ?? {};
      return trouble === undefined ? [] : [`writes to drive '${name}' wait: ${trouble.reason}`];
    });
    return [...stuck, ...blocked];
  }
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  return [error instanceof Error ? error.message : String(error)];
}
