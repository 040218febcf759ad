import { TidemarkError } from '@tidemark/core';
import * as v from 'valibot';
import { isJsonObject } from '../json/json-value.ts';
import { QmpClient } from './qmp-client.ts';
import {
  type NoArguments,
  type QmpArguments,
  type QmpCommand,
  type QmpReply,
  replies,
} from './typed-commands.ts';

/** A client that knows the commands: what they take and what they return. For any server of QMP. */
export class QmpControl implements AsyncDisposable {
  readonly client: QmpClient;

  constructor(client: QmpClient) {
    this.client = client;
  }

  /** Connects and negotiates. @throws CONNECTION_LOST, PROTOCOL_ERROR */
  static async connect(path: string): Promise<QmpControl> {
    return new QmpControl(await QmpClient.connect(path));
  }

  /** @throws QmpError: what the server answered; CONNECTION_LOST; PROTOCOL_ERROR: another reply */
  async call<C extends QmpCommand>(
    command: C,
    ...[args]: NoArguments extends QmpArguments[C]
      ? [args?: QmpArguments[C]]
      : [args: QmpArguments[C]]
  ): Promise<QmpReply<C>> {
    const given: unknown = args;
    if (given !== undefined && !isJsonObject(given)) throw new TypeError('arguments are an object');
    const reply = await this.client.execute(command, given);
    const result = v.safeParse(replies[command], reply);
    if (result.success) return result.output;
    const text = `the server answered '${command}' with something else`;
    throw new TidemarkError('PROTOCOL_ERROR', text, {}, result.issues[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}
