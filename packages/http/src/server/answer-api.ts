import type { IncomingMessage, ServerResponse } from 'node:http';
import * as v from 'valibot';
import type { HttpService } from '../http-service.ts';
import { HttpProblem } from '../http-problem.ts';
import { describeApi } from '../openapi/description.ts';
import type { RouteId } from '../routes.ts';
import { MapQuery, NewBitmap } from '../schemas/drive.ts';
import type { Snapshot } from '../schemas/service.ts';
import type { Access } from './access.ts';
import type { EventStream } from './event-stream.ts';
import { matchRoute } from './match-route.ts';
import { parseQuery, readBody } from './read-body.ts';
import { sendJson } from './send.ts';

export interface ApiOptions {
  readonly service: HttpService;
  readonly access: Access;
  readonly events: EventStream;
}

/** `path`: below the base of the API. @throws HttpProblem, and what the service throws */
export async function answerApi(
  request: IncomingMessage,
  response: ServerResponse,
  { path, query }: { readonly path: string; readonly query: string },
  options: ApiOptions,
): Promise<void> {
  const { access, service } = options;
  // Before anything else: who has no token does not learn what there is.
  access.checkToken(request);
  const { id, route, segments } = matchRoute(request.method ?? '', path);
  if (route.method !== 'GET') access.checkWrite();
  const parameters = parseQuery(query, route.query);
  if (id === 'events') return options.events.add(response);
  const body = route.body && (await readBody(request, route.body));
  const answer = await HANDLERS[id]({ service, access, segments, parameters, body });
  if (answer !== undefined) sendJson(response, route.status, answer);
  else response.writeHead(route.status, { 'cache-control': 'no-store' }).end();
}

/** All that there is, as events have it. */
export async function snapshotOf(service: HttpService, access: Access): Promise<Snapshot> {
  return {
    service: { ...service.service(), writable: access.canWrite },
    drives: await service.drives(),
    exports: service.exports(),
    jobs: service.jobs(),
  };
}

interface Asked {
  readonly service: HttpService;
  readonly access: Access;
  readonly segments: Readonly<Record<string, string>>;
  /** As the route's schemas have them. */
  readonly parameters: unknown;
  readonly body: unknown;
}

type Handler = (asked: Asked) => object | undefined | Promise<object | undefined | void>;

const change =
  (verb: 'clear' | 'enable' | 'disable'): Handler =>
  ({ service, segments }) =>
    service.changeBitmap(segments['drive']!, segments['bitmap']!, verb);

const HANDLERS: Readonly<Record<Exclude<RouteId, 'events'>, Handler>> = {
  service: ({ service, access }) => ({ ...service.service(), writable: access.canWrite }),
  drives: async ({ service }) => ({ drives: await service.drives() }),
  drive: async ({ service, segments }) => {
    const name = segments['drive']!;
    const found = (await service.drives()).find((drive) => drive.name === name);
    if (found === undefined) throw noDrive(name);
    return found;
  },
  map: ({ service, segments, parameters }) =>
    service.map(segments['drive']!, v.parse(MapQuery, parameters)),
  addBitmap: ({ service, segments, body }) =>
    service.addBitmap(segments['drive']!, v.parse(NewBitmap, body)),
  removeBitmap: ({ service, segments }) =>
    service.removeBitmap(segments['drive']!, segments['bitmap']!),
  clear: change('clear'),
  enable: change('enable'),
  disable: change('disable'),
  exports: ({ service }) => service.exports(),
  jobs: ({ service }) => ({ jobs: service.jobs() }),
  cancelJob: ({ service, segments }) => service.cancelJob(segments['job']!),
  points: ({ service }) => service.points(),
  openapi: ({ service }) => describeApi(service.service().version),
};

/** For whoever looks for a drive by its name. */
export function noDrive(name: string): HttpProblem {
  return new HttpProblem(404, 'NOT_FOUND', `there is no drive '${name}'`, { where: name });
}
