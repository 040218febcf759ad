import { QmpSession } from '../src/session.ts';
import { qmpVersion } from '../src/version.ts';
import type { FakeTarget } from './fake-target.ts';

/** What a new client is answered. */
export async function asked(target: FakeTarget, command: string, args: object): Promise<unknown> {
  const version = qmpVersion('tidemark 1.2.3');
  const session = new QmpSession({ target, version, client: {}, serially: (work) => work() });
  const replies: string[] = [];
  const requests = [{ execute: 'qmp_capabilities' }, { execute: command, arguments: args }];
  const text = requests.map((request) => JSON.stringify(request)).join('');
  for await (const reply of session.push(Buffer.from(text))) replies.push(reply);
  return JSON.parse(replies[1]!);
}
