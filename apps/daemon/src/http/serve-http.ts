import type { BlockGraph } from '@tidemark/graph';
import { type HttpServerOptions, type Page, startHttpServer } from '@tidemark/http';
import type { HttpConfig } from '../config/serving-schema.ts';
import { Activity } from './activity.ts';
import { dashboardFiles } from './dashboard.ts';
import { GraphHttpService } from './graph-http-service.ts';
import type { HttpListener } from './http-listener.ts';
import { readToken } from './token.ts';

export interface ServeHttpOptions {
  readonly graph: BlockGraph;
  readonly version: string;
  readonly metrics: () => Promise<string>;
  /** What keeps it from serving, a sentence each. */
  readonly problems: () => readonly string[];
  /** Runs a change of the graph when its turn comes. */
  readonly takeTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly log: (message: string) => void;
}

/** Of the configuration. */
export interface HttpWanted {
  readonly http: HttpConfig;
  readonly repositories: readonly string[];
}

/** Serves API, dashboard, metrics and health. @throws as `readToken` and `startHttpServer` */
export async function serveHttp(
  options: ServeHttpOptions,
  wanted: HttpWanted,
): Promise<HttpListener> {
  const activity = new Activity(options.graph);
  try {
    const server = await startHttpServer(await serverOptions(options, wanted, activity));
    return {
      address: server.address,
      prepare: async (next) => {
        const others = await serverOptions(options, next, activity);
        return () => server.configure(others);
      },
      close: async () => {
        await server.close();
        activity.close();
      },
    };
  } catch (error) {
    activity.close();
    throw error;
  }
}

async function serverOptions(
  options: ServeHttpOptions,
  { http, repositories }: HttpWanted,
  activity: Activity,
): Promise<HttpServerOptions> {
  const { listen, names = [], dashboard = true, 'token-file': tokenFile } = http;
  return {
    listen,
    names,
    token: tokenFile === undefined ? undefined : await readToken(tokenFile),
    service: new GraphHttpService({ ...options, repositories }, activity),
    files: dashboardFiles(dashboard),
    pages: pagesOf(options),
    log: options.log,
  };
}

/** As the listener for metrics has them. Who has no token is not told the names of drives. */
function pagesOf({ metrics, problems }: ServeHttpOptions): Readonly<Record<string, Page>> {
  return {
    '/metrics': {
      type: 'text/plain; version=0.0.4; charset=utf-8',
      answer: async (isKnown) =>
        isKnown
          ? { status: 200, body: await metrics() }
          : { status: 401, body: '# send Authorization: Bearer TOKEN\n' },
    },
    '/healthz': { answer: () => ({ status: 200, body: 'ok\n' }) },
    '/readyz': {
      answer: (isKnown) => {
        const found = problems();
        if (found.length === 0) return { status: 200, body: 'ok\n' };
        return { status: 503, body: isKnown ? `${found.join('\n')}\n` : 'not ready\n' };
      },
    },
  };
}
