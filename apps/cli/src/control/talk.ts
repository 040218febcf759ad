import { createInterface } from 'node:readline';
import { TidemarkError } from '@tidemark/core';
import { type JsonObject, type JsonValue, QmpClient, QmpError } from '@tidemark/qmp';
import { asOurs } from './with-control.ts';

/** Runs one line, as `runLines` takes them. @returns what the command returns */
export async function runOne(socket: string, line: string): Promise<JsonValue> {
  const { command, args } = parseLine(line);
  await using client = await QmpClient.connect(socket);
  try {
    return await client.execute(command, args);
  } catch (error) {
    throw asOurs(error, socket);
  }
}

/**
 * Runs what stands in each line: a request as QMP has it, or a command and its arguments. What comes
 * back is said in lines of JSON, events too, in the order in which it comes.
 */
export async function runLines(
  socket: string,
  input: NodeJS.ReadableStream,
  say: (line: string) => void,
): Promise<void> {
  await using client = await QmpClient.connect(socket);
  client.onEvent((event) => say(JSON.stringify(event)));
  for await (const line of createInterface({ input })) {
    if (line.trim() !== '') say(JSON.stringify(await answerTo(client, line)));
  }
}

async function answerTo(client: QmpClient, line: string): Promise<JsonObject> {
  try {
    const { command, args } = parseLine(line);
    return { return: await client.execute(command, args) };
  } catch (error) {
    if (error instanceof QmpError) return { error: { class: error.class, desc: error.message } };
    if (error instanceof TidemarkError && error.code === 'USAGE') {
      return { error: { class: 'GenericError', desc: error.message } };
    }
    throw error;
  }
}

function parseLine(line: string): { readonly command: string; readonly args?: JsonObject } {
  const text = line.trim();
  if (!text.startsWith('{')) {
    const at = text.search(/\s/);
    if (at < 0) return { command: text };
    return { command: text.slice(0, at), args: parseObject(text.slice(at)) };
  }
  const { execute, arguments: args } = parseObject(text);
  if (typeof execute !== 'string') throw usage("a request has a member 'execute', which is a text");
  return isObject(args) ? { command: execute, args } : { command: execute };
}

function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
  if (isObject(value)) return value;
  throw usage('arguments are a JSON object');
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function usage(text: string): TidemarkError {
  const hint = `write {"node": "vm", "name": "nightly"} behind the command`;
  return new TidemarkError('USAGE', text, { hint });
}
