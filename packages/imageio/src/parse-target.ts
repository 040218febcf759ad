import { HttpError } from './http-error.ts';

/** What a request is about. */
export interface Target {
  readonly id: string;
  readonly resource: 'image' | 'extents';
  readonly query: URLSearchParams;
}

const PATH = /^\/images\/(?<id>[^/]*)(?<extents>\/extents)?$/;

/** @throws HttpError 400, 404 */
export function parseTarget(url: string): Target {
  const [path = '', query = ''] = url.split(/\?(.*)/s, 2);
  const parts = PATH.exec(path)?.groups;
  if (parts === undefined) throw new HttpError(404, 'there are /images/ID and /images/ID/extents');
  const id = decoded(parts['id']!);
  if (id === '') throw new HttpError(400, 'the id of a ticket is missing');
  const resource = parts['extents'] === undefined ? 'image' : 'extents';
  return { id, resource, query: new URLSearchParams(query) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpError(400, 'the id of the ticket is not well encoded');
  }
}
