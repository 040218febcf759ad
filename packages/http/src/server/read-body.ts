import type { IncomingMessage } from 'node:http';
import * as v from 'valibot';
import { HttpProblem } from '../http-problem.ts';

const MAX_BODY_BYTES: number = 64 * 1024;

/** A JSON body that is as the schema has it. @throws HttpProblem */
export async function readBody(request: IncomingMessage, schema: v.GenericSchema) {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json *(;|$)/i.test(type)) {
    throw new HttpProblem(400, 'USAGE', 'the body has to be application/json');
  }
  return checked(schema, parse(await readText(request)), 'body');
}

/** @throws HttpProblem */
export function parseQuery(text: string, schema: v.GenericSchema | undefined): unknown {
  const given = new URLSearchParams(text);
  const query: Record<string, unknown> = {};
  for (const [name, value] of given) {
    // Twice, or as something is called that every object has.
    if (schema === undefined || name in query) {
      throw new HttpProblem(400, 'USAGE', `parameter '${shown(name)}' is not possible here`);
    }
    query[name] = /^\d{1,16}$/.test(value) ? Number(value) : value;
  }
  return schema === undefined ? query : checked(schema, query, 'parameter');
}

async function readText(request: IncomingMessage): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLong();
  const parts: Buffer[] = [];
  let length = 0;
  // What is thrown here has still to be answered.
  const chunks: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const part of chunks) {
    length += part.length;
    if (length > MAX_BODY_BYTES) throw tooLong();
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpProblem(400, 'USAGE', 'the body is not JSON');
  }
}

function checked(schema: v.GenericSchema, value: unknown, what: string): unknown {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const where = path === null ? what : `${what} '${shown(path)}'`;
  throw new HttpProblem(400, 'USAGE', `${where}: ${lowerFirst(issue.message)}`);
}

function tooLong(): HttpProblem {
  return new HttpProblem(413, 'BODY_TOO_LARGE', `a body has at most ${MAX_BODY_BYTES} bytes`);
}

function shown(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}...` : name;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1, 200);
}
