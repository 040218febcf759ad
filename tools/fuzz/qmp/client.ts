import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Random } from '../random.ts';
import { fuzzedRequest, noise } from './requests.ts';

export interface FuzzedClient {
  readonly random: Random;
  /** Requests. */
  readonly count: number;
  readonly path: string;
  /** Begins its ids, which no other client has. */
  readonly name: string;
}

/** Sends requests and noise, cut anywhere. @returns what is wrong with what came back */
export async function fuzzClient({
  random,
  count,
  path,
  name,
}: FuzzedClient): Promise<readonly string[]> {
  const socket = connect(path);
  const expected: string[] = ['negotiated'];
  let text = '{"execute":"qmp_capabilities","id":"negotiated"}';
  for (let at = 0; at < count; at++) {
    const id = `${name}-${at}`;
    if (random.below(8) === 0) text += noise(random);
    text += `${fuzzedRequest(random, id)}${random.below(2) === 0 ? '\n' : ' '}`;
    expected.push(id);
  }
  void send(socket, Buffer.from(text), random);
  const problems: string[] = [];
  for await (const line of createInterface({ input: socket })) {
    const reply: Record<string, unknown> = JSON.parse(line);
    const { id } = reply;
    // Events, the greeting, and what is said of noise.
    if (id === undefined) continue;
    const next = expected.shift();
    if (id !== next) problems.push(`${name}: ${line} came for ${next}`);
    if ('return' in reply === 'error' in reply) problems.push(`${name}: ${line}`);
    if (line.includes('internal error')) problems.push(`${name}: ${line}`);
    if (expected.length === 0) break;
  }
  socket.destroy();
  if (expected.length > 0) problems.push(`${name}: ${expected.length} requests without a reply`);
  return problems;
}

async function send(
  socket: ReturnType<typeof connect>,
  bytes: Buffer,
  random: Random,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + random.below(random.below(2) === 0 ? 20 : 3000));
    await new Promise((resolve) => socket.write(bytes.subarray(at, end), resolve));
    at = end;
  }
}
