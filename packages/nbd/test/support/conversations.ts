import { type Answer, RawClient } from './raw-client.ts';
import { COMMAND, request, type RequestFields, u32 } from './wire.ts';

type Transcript = readonly (string | readonly string[])[];

/** What a conversation looks like from outside. */
export type Conversation = (path: string) => Promise<Transcript>;

/** Options in turn, after the client's flags. */
export function options(...steps: readonly (readonly [number, Uint8Array?])[]): Conversation {
  return async (path) => {
    const client = await RawClient.connect(path);
    client.send(u32(3));
    const transcript: string[][] = [];
    for (const [code, payload] of steps) {
      transcript.push((await client.option(code, payload)).map(readable));
    }
    client.close();
    return transcript;
  };
}

/** Bytes at once, behind the flags; then all that comes until the server hangs up. */
export function cutOff(flags: number, ...parts: readonly Uint8Array[]): Conversation {
  return async (path) => {
    const client = await RawClient.connect(path);
    client.send(u32(flags), ...parts);
    return [readable(await client.rest())];
  };
}

/** Requests one after the other, on one connection as long as it holds. */
export function requests(isStructured: boolean, ...steps: readonly RequestFields[]): Conversation {
  return async (path) => {
    const client = await RawClient.enter(path, { isStructured });
    const transcript: string[][] = [];
    for (const step of steps) {
      client.send(request(step));
      const dataLength = step.type === COMMAND.READ ? (step.length ?? 0) : 0;
      transcript.push((await client.reply(dataLength)).map(readable));
    }
    client.close();
    return transcript;
  };
}

export function statuses(
  contexts: readonly string[],
  ...steps: readonly RequestFields[]
): Conversation {
  return async (path) => {
    const client = await RawClient.enter(path, { contexts });
    const transcript: string[][] = [];
    for (const step of steps) {
      client.send(request({ ...step, type: COMMAND.BLOCK_STATUS }));
      transcript.push((await client.reply()).map(readable));
    }
    client.close();
    return transcript;
  };
}

/** A request that ends the connection: its replies, then the end. */
export function lastRequest(isStructured: boolean, step: RequestFields): Conversation {
  return async (path) => {
    const client = await RawClient.enter(path, { isStructured });
    client.send(request(step));
    return [readable(await client.rest())];
  };
}

/** Texts stay texts, so that a difference can be read. */
export function readable(answer: Answer): string {
  return answer === 'end' ? 'end' : JSON.stringify(answer.toString('latin1'));
}
