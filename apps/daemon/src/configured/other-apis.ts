import type { BlockGraph } from '@tidemark/graph';
import type { LoadedConfig } from '../config/load-config.ts';
import type { Config } from '../config/schema.ts';
import { located } from './located.ts';
import type { Undo } from './undo.ts';

/** A server of an API of others. */
export interface ApiServer {
  /** Where it listens, for people. */
  readonly address: string;
  /**
   * Whether it goes on as this configuration has it, from the call on or once it is told that the
   * configuration holds. @throws what is wrong with what the configuration names
   */
  takes(config: Config): Promise<(() => void) | undefined>;
  close(): Promise<void>;
}

interface Api {
  readonly key: 'imageio' | 'csi-metadata';
  /** Loads what it needs: a daemon without it does not. */
  readonly start: (loaded: LoadedConfig) => Promise<ApiServer>;
}

/** The servers of APIs of others that a configuration asks for. */
export class OtherApis {
  readonly #apis: readonly Api[];
  readonly #log: (message: string) => void;
  readonly #running = new Map<Api['key'], ApiServer>();

  constructor({ graph, log }: { graph: BlockGraph; log: (message: string) => void }) {
    this.#log = log;
    this.#apis = [
      {
        key: 'imageio',
        start: async ({ config: { imageio } }) => {
          const { serveImageio } = await import('../imageio/serve-imageio.ts');
          return serveImageio({ config: imageio!, graph, log });
        },
      },
      {
        key: 'csi-metadata',
        start: async ({ config }) => {
          const { serveCsi } = await import('../csi-metadata/serve-csi.ts');
          return serveCsi(config['csi-metadata']!, log);
        },
      },
    ];
  }

  /**
   * Starts what is new, beside what is to end. @returns what makes the configuration hold, and cannot
   * fail @throws what is wrong, with its place
   */
  async prepare(loaded: LoadedConfig, undo: Undo): Promise<() => Promise<void>> {
    const steps: (() => Promise<void> | void)[] = [];
    for (const api of this.#apis) {
      const { key } = api;
      const old = this.#running.get(key);
      const isWanted = loaded.config[key] !== undefined;
      const settle = await located(loaded, [key], async () => old?.takes(loaded.config));
      if (settle !== undefined) {
        steps.push(settle);
        continue;
      }
      const next = isWanted ? await located(loaded, [key], () => api.start(loaded)) : undefined;
      if (next !== undefined) undo.push(key, () => next.close());
      steps.push(() => this.#replace(key, old, next));
    }
    return async () => {
      for (const step of steps) await step();
    };
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#running.values(), (server) => server.close()));
  }

  async #replace(
    key: Api['key'],
    old: ApiServer | undefined,
    next: ApiServer | undefined,
  ): Promise<void> {
    if (next === undefined) this.#running.delete(key);
    else {
      this.#running.set(key, next);
      this.#log(`${key} on ${next.address}`);
    }
    await old?.close().catch((error: unknown) => {
      this.#log(`warning: ${key} did not end well: ${String(error)}`);
    });
  }
}
