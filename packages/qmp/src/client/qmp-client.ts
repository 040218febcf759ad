import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import { QmpError } from '../errors.ts';
import { JsonError } from '../json/json-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/json-value.ts';
import { JsonReader } from '../json/reader.ts';
import { writeJson } from '../json/writer.ts';

const MAX_REPLY = 64 * 1024 * 1024;

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** A QMP client, for any server that speaks it. Commands may be sent without waiting for replies. */
export class QmpClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #reader = new JsonReader({ maxSize: MAX_REPLY });
  readonly #waiting = new Map<JsonValue, Waiting<JsonValue>>();
  readonly #greeting: Promise<JsonObject>;
  #greet: Waiting<JsonObject> | undefined;
  readonly #listeners = new Set<(event: JsonObject) => void>();
  #nextId = 1;
  #lost: TidemarkError | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#greeting = new Promise((resolve, reject) => {
      this.#greet = { resolve, reject };
    });
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    socket.on('error', (error) => this.#lose(error));
    socket.on('close', () => this.#lose());
  }

  /** Connects and negotiates. @throws CONNECTION_LOST: nobody listens there, too; PROTOCOL_ERROR */
  static async connect(path: string): Promise<QmpClient> {
    const client = new QmpClient(await connected(path));
    try {
      await client.#greeting;
      await client.execute('qmp_capabilities');
      return client;
    } catch (error) {
      client.#socket.destroy();
      throw error;
    }
  }

  /** What the server says of itself: the member `QMP` of its greeting. */
  async greeting(): Promise<JsonObject> {
    return this.#greeting;
  }

  /** @throws QmpError: what the server answered; CONNECTION_LOST, PROTOCOL_ERROR: it did not */
  async execute(command: string, args?: JsonObject): Promise<JsonValue> {
    if (this.#lost !== undefined) throw this.#lost;
    const id = this.#nextId++;
    const reply = new Promise<JsonValue>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#socket.write(`${writeJson({ execute: command, arguments: args, id })}\r\n`);
    return reply;
  }

  /** Hears of events from now on, as the server sends them, until the given function is called. */
  onEvent(listener: (event: JsonObject) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return;
    this.#socket.destroy();
    await once(this.#socket, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #receive(chunk: Uint8Array): void {
    for (const read of this.#reader.push(chunk)) {
      if (read instanceof JsonError || !isJsonObject(read.value)) {
        this.#lose(read instanceof JsonError ? read : undefined, 'PROTOCOL_ERROR');
        return;
      }
      this.#take(read.value);
    }
  }

  #take(reply: JsonObject): void {
    if (isJsonObject(reply['QMP'])) {
      this.#greet?.resolve(reply['QMP']);
      return;
    }
    if (typeof reply['event'] === 'string') {
      for (const listener of this.#listeners) listener(reply);
      return;
    }
    const { id = null, error } = reply;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (isJsonObject(error))
      waiting.reject(new QmpError(text(error['class']), text(error['desc'])));
    else waiting.resolve(reply['return'] ?? {});
  }

  #lose(cause?: Error, code: 'CONNECTION_LOST' | 'PROTOCOL_ERROR' = 'CONNECTION_LOST'): void {
    const why =
      code === 'CONNECTION_LOST' ? 'the QMP connection is closed' : 'the server does not speak QMP';
    this.#lost ??= new TidemarkError(code, why, {}, cause);
    this.#greet?.reject(this.#lost);
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
    this.#socket.destroy();
  }
}

async function connected(path: string): Promise<Socket> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    const hint = 'see whether a daemon runs and has its QMP socket there';
    const context = { where: path, hint };
    throw new TidemarkError(
      'CONNECTION_LOST',
      `cannot connect to QMP socket '${path}'`,
      context,
      error,
    );
  }
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
