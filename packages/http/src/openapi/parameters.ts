import { toJsonSchema } from '@valibot/to-json-schema';
import type { Route } from '../routes.ts';

const SEGMENTS: Readonly<Record<string, string>> = {
  drive: 'Name of a drive',
  bitmap: 'Name of a bitmap, percent-encoded',
  job: 'Id of a job',
};

/** What stands in the path and behind it. */
export function parametersOf({ path, query }: Route): readonly object[] {
  const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name!);
  const inPath = names.map((name) => ({
    name,
    in: 'path',
    required: true,
    description: SEGMENTS[name],
    schema: { type: 'string', minLength: 1 },
  }));
  if (query === undefined) return inPath;
  const { properties = {}, required = [] } = toJsonSchema(query, { typeMode: 'input' });
  const inQuery = Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
  return [...inPath, ...inQuery];
}
