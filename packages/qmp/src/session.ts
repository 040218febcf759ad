import * as v from 'valibot';
import type { CommandContext } from './command.ts';
import { commands } from './commands.ts';
import { QmpError, toQmpError } from './errors.ts';
import { JsonError } from './json/json-error.ts';
import type { JsonObject, JsonValue } from './json/json-value.ts';
import { JsonReader, type JsonReaderOptions } from './json/reader.ts';
import { writeJson } from './json/writer.ts';
import { parseRequest, requestId } from './request.ts';
import { members, parseArguments } from './schema.ts';
import type { QmpEvent } from './target.ts';

export interface QmpSessionOptions extends CommandContext, JsonReaderOptions {
  /** Lets one command in at a time, over all sessions of a server. */
  readonly serially: <T>(work: () => Promise<T>) => Promise<T>;
  /** Told of each command that there is. Default: nobody. */
  readonly onCommand?: (name: string) => void;
}

const Capabilities = members({ enable: v.exactOptional(v.array(v.picklist([]))) });

/**
 * One client's conversation, free of any transport: bytes go in, lines come out, in order. Out of
 * band commands are not offered.
 */
export class QmpSession {
  readonly #options: QmpSessionOptions;
  readonly #reader: JsonReader;
  #negotiated = false;
  #quitting = false;

  constructor(options: QmpSessionOptions) {
    this.#options = options;
    this.#reader = new JsonReader(options);
  }

  /** The client asked the program to end: after the replies so far there will be no more. */
  get quitting(): boolean {
    return this.#quitting;
  }

  /** Whether the client has said that it is ready: it is told of events only then. */
  get negotiated(): boolean {
    return this.#negotiated;
  }

  /** What tells the client of something that happened. */
  event({ name, data }: QmpEvent): string {
    const now = performance.timeOrigin + performance.now();
    const seconds = Math.floor(now / 1000);
    const microseconds = Math.floor((now - seconds * 1000) * 1000);
    return line({ timestamp: { seconds, microseconds }, event: name, data });
  }

  greeting(): string {
    return line({ QMP: { version: { ...this.#options.version }, capabilities: [] } });
  }

  /** Runs what the chunk completes, one request after the other. Yields a line for each. */
  async *push(chunk: Uint8Array): AsyncGenerator<string> {
    for (const read of this.#reader.push(chunk)) {
      if (read instanceof JsonError) yield failure({}, new QmpError('GenericError', read.message));
      else yield await this.#answer(read.value);
      if (this.#quitting) return;
    }
  }

  async #answer(value: JsonValue): Promise<string> {
    const id = requestId(value);
    try {
      const { command, arguments: given } = parseRequest(value);
      return line({ return: await this.#execute(command, given), ...id });
    } catch (error) {
      return failure(id, toQmpError(error));
    }
  }

  async #execute(name: string, given: JsonObject): Promise<JsonValue> {
    if (name === 'qmp_capabilities') return this.#negotiate(given);
    const known = commands.get(name);
    if (!this.#negotiated) {
      const desc = "Expecting capabilities negotiation with 'qmp_capabilities'";
      throw new QmpError('CommandNotFound', desc);
    }
    if (name === 'quit') {
      parseArguments(members({}), given);
      this.#quitting = true;
      return {};
    }
    if (known === undefined) {
      throw new QmpError('CommandNotFound', `The command ${name} has not been found`);
    }
    this.#options.onCommand?.(name);
    return this.#options.serially(() => known(this.#options, given));
  }

  #negotiate(given: JsonObject): JsonValue {
    if (this.#negotiated) {
      const desc = 'Capabilities negotiation is already complete, command ignored';
      throw new QmpError('CommandNotFound', desc);
    }
    parseArguments(Capabilities, given);
    this.#negotiated = true;
    return {};
  }
}

function failure(id: { readonly id?: JsonValue }, error: QmpError): string {
  return line({ ...id, error: { class: error.class, desc: error.message } });
}

function line(reply: JsonObject): string {
  return `${writeJson(reply)}\r\n`;
}
