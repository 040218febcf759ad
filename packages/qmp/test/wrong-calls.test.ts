import { describe, expect, it } from 'vitest';
import { QmpSession } from '../src/session.ts';
import { qmpVersion } from '../src/version.ts';
import { FakeTarget } from './fake-target.ts';
import { wrongCalls } from './wrong-calls.ts';

describe('QmpSession', () => {
  it.each(wrongCalls)('answers %s with: %s', async (request, desc) => {
    const target = new FakeTarget('n0');
    const version = qmpVersion('tidemark');
    const session = new QmpSession({ target, version, client: {}, serially: (work) => work() });
    const replies: string[] = [];
    for (const line of ['{"execute":"qmp_capabilities"}', request]) {
      for await (const reply of session.push(Buffer.from(line))) replies.push(reply);
    }
    const { error }: { error: unknown } = JSON.parse(replies[1]!);
    expect(replies).toHaveLength(2);
    expect(error).toEqual({ class: 'GenericError', desc });
    expect(target.bitmaps.get('n0')!.size).toBe(0);
  });
});
