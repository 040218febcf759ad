import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { BASE, type Route, ROUTES } from '../routes.ts';
import { Bitmap, Drive, DriveMap, Drives, NewBitmap, Warning } from '../schemas/drive.ts';
import {
  Export,
  Exports,
  Failure,
  Job,
  Jobs,
  Points,
  RestorePoint,
  Service,
  Snapshot,
} from '../schemas/service.ts';
import { parametersOf } from './parameters.ts';

const NAMED: ReadonlyMap<v.GenericSchema, string> = new Map<v.GenericSchema, string>([
  [Service, 'Service'],
  [Bitmap, 'Bitmap'],
  [Warning, 'Warning'],
  [Drive, 'Drive'],
  [Drives, 'Drives'],
  [DriveMap, 'DriveMap'],
  [NewBitmap, 'NewBitmap'],
  [Export, 'Export'],
  [Exports, 'Exports'],
  [Job, 'Job'],
  [Jobs, 'Jobs'],
  [RestorePoint, 'RestorePoint'],
  [Points, 'Points'],
  [Snapshot, 'Snapshot'],
  [Failure, 'Failure'],
]);

const REFUSALS: Readonly<Record<number, string>> = {
  400: 'The request is wrong',
  401: 'The token is missing or wrong',
  403: 'Not from there, or not without a token',
  404: 'There is no such thing',
  409: 'It cannot be done as things are',
  413: 'The body is too long',
  500: 'Something went wrong',
  503: 'Too many clients listen already',
};

/** OpenAPI 3.1 of all routes. `version`: of the program. */
export function describeApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [id, route] of Object.entries(ROUTES)) {
    const path = (paths[BASE + route.path] ??= {});
    path[route.method.toLowerCase()] = operationOf(id, route);
  }
  const schemas = Object.fromEntries(
    Array.from(NAMED, ([schema, name]) => [name, schemaOf(schema)]),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tidemark',
      version,
      description: 'Drives that tidemarkd serves, their dirty bitmaps, exports and jobs.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, {}],
    paths,
    components: { schemas, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

function operationOf(id: string, route: Route): object {
  const { summary, body, method, refusals = [] } = route;
  const statuses = [...new Set([400, 401, 403, 500, ...refusals])].toSorted((a, b) => a - b);
  const refused = statuses.map((status) => [
    status,
    { description: REFUSALS[status], content: jsonOf(Failure) },
  ]);
  return {
    operationId: id,
    summary,
    parameters: parametersOf(route),
    ...(method !== 'GET' && { security: [{ token: [] }] }),
    ...(body && { requestBody: { required: true, content: jsonOf(body) } }),
    responses: { [route.status]: answerOf(id, route), ...Object.fromEntries(refused) },
  };
}

function answerOf(id: string, { answer, isStream, summary }: Route): object {
  const description = summary;
  if (id === 'openapi') {
    return { description, content: { 'application/json': { schema: { type: 'object' } } } };
  }
  if (answer === undefined) return { description };
  if (isStream !== true) return { description, content: jsonOf(answer) };
  // OpenAPI has no word for what an event holds.
  const events = { snapshot: referenceTo(answer) };
  const told = `Each event 'snapshot' has ${NAMED.get(answer)} as JSON`;
  return {
    description: `${description}. ${told}; a comment comes each 15 seconds.`,
    content: { 'text/event-stream': { schema: { type: 'string' }, 'x-events': events } },
  };
}

function jsonOf(schema: v.GenericSchema): object {
  return { 'application/json': { schema: referenceTo(schema) } };
}

function referenceTo(schema: v.GenericSchema): object {
  return { $ref: `#/components/schemas/${NAMED.get(schema)}` };
}

/** Schemas that have a name stand for themselves where others use them. */
function schemaOf(schema: v.GenericSchema): object {
  const { $schema: _, ...rest } = toJsonSchema(schema, {
    typeMode: 'output',
    overrideSchema: ({ valibotSchema }) => {
      const name = NAMED.get(valibotSchema);
      if (name === undefined || valibotSchema === schema) return undefined;
      return { $ref: `#/components/schemas/${name}` };
    },
  });
  return rest;
}
