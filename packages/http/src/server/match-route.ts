import { HttpProblem } from '../http-problem.ts';
import { type Route, type RouteId, ROUTES } from '../routes.ts';

export interface Matched {
  readonly id: RouteId;
  readonly route: Route;
  /** What stands in place of `{name}`, decoded. */
  readonly segments: Readonly<Record<string, string>>;
}

interface Compiled {
  readonly id: RouteId;
  readonly route: Route;
  readonly parts: readonly string[];
}

const COMPILED: readonly Compiled[] = Object.entries(ROUTES).map(([id, route]) => ({
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  id: id as RouteId,
  route,
  parts: route.path.split('/').slice(1),
}));

/** `path`: below the base of the API, without query. @throws HttpProblem */
export function matchRoute(method: string, path: string): Matched {
  const given = path.split('/').slice(1);
  const found = COMPILED.filter(({ parts }) => fits(parts, given));
  if (found.length === 0) {
    const hint = 'GET /api/v1/openapi.json tells what there is';
    throw new HttpProblem(404, 'NOT_FOUND', 'there is nothing of this name', { hint });
  }
  const wanted = method === 'HEAD' ? 'GET' : method;
  const matched = found.find(({ route }) => route.method === wanted);
  if (matched === undefined || (method === 'HEAD' && matched.route.isStream === true)) {
    const allow = found.map(({ route }) => route.method).join(', ');
    throw new HttpProblem(405, 'METHOD_NOT_ALLOWED', `use ${allow}`, { allow });
  }
  return { id: matched.id, route: matched.route, segments: segmentsOf(matched.parts, given) };
}

function fits(parts: readonly string[], given: readonly string[]): boolean {
  return (
    parts.length === given.length &&
    parts.every((part, i) => (part.startsWith('{') ? given[i] !== '' : part === given[i]))
  );
}

function segmentsOf(parts: readonly string[], given: readonly string[]): Record<string, string> {
  const segments: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    if (part.startsWith('{')) segments[part.slice(1, -1)] = decode(given[i]!);
  }
  return segments;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpProblem(400, 'USAGE', 'the path is not percent-encoded UTF-8');
  }
}
