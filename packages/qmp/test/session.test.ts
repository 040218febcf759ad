import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QmpSession } from '../src/session.ts';
import { qmpVersion } from '../src/version.ts';
import { FakeTarget } from './fake-target.ts';

function open(target = new FakeTarget('n0', 'n1')): QmpSession {
  const version = qmpVersion('tidemark 1.2.3');
  return new QmpSession({ target, version, client: {}, serially: (work) => work() });
}

async function say(session: QmpSession, text: string): Promise<string[]> {
  const replies: string[] = [];
  for await (const reply of session.push(Buffer.from(text))) replies.push(reply.trimEnd());
  return replies;
}

async function negotiated(target?: FakeTarget): Promise<QmpSession> {
  const session = open(target);
  await say(session, '{"execute":"qmp_capabilities"}');
  return session;
}

const call = (command: string, args: string) => `{"execute":"${command}","arguments":${args}}`;
const generic = (desc: string) => [
  `{"error": {"class": "GenericError", "desc": ${JSON.stringify(desc)}}}`,
];

describe('QmpSession', () => {
  it('greets with the version of QEMU it answers as, and with its own name', () => {
    expect(open().greeting()).toBe(
      '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, ' +
        '"package": "tidemark 1.2.3"}, "capabilities": []}}\r\n',
    );
  });

  it('does nothing before capabilities are negotiated, and negotiates once', async () => {
    const session = open();
    const notFound = (desc: string) => [
      `{"error": {"class": "CommandNotFound", "desc": "${desc}"}}`,
    ];
    expect(await say(session, '{"execute":"query-block"}')).toEqual(
      notFound("Expecting capabilities negotiation with 'qmp_capabilities'"),
    );
    expect(await say(session, call('qmp_capabilities', '{"enable":["bogus"]}'))).toEqual(
      generic("Parameter 'null' does not accept value 'bogus'"),
    );
    expect(await say(session, '{"execute":"qmp_capabilities"}')).toEqual(['{"return": {}}']);
    expect(await say(session, '{"execute":"qmp_capabilities"}')).toEqual(
      notFound('Capabilities negotiation is already complete, command ignored'),
    );
    expect(await say(session, '{"execute":"nope"}')).toEqual(
      notFound('The command nope has not been found'),
    );
  });

  it.each([
    ['null', 'null'],
    ['12345678901234567890', '12345678901234567890'],
    ['1.50', '1.5'],
    ['"\\u007fé"', '"\\u007F\\u00E9"'],
    ['{"a":[1]}', '{"a": [1]}'],
  ])('echoes the id %s, after an answer and before an error', async (id, echoed) => {
    const session = await negotiated();
    expect(await say(session, `{"execute":"query-block","id":${id}}`)).toEqual([
      `{"return": [], "id": ${echoed}}`,
    ]);
    expect(await say(session, `{"id":${id}}`)).toEqual([
      `{"id": ${echoed}, "error": {"class": "GenericError", "desc": "QMP input lacks member 'execute'"}}`,
    ]);
  });

  it('passes transactions on as one, with later actions behind earlier ones', async () => {
    const target = new FakeTarget('n0', 'n1');
    const session = await negotiated(target);
    const actions =
      '{"type":"block-dirty-bitmap-add","data":{"node":"n0","name":"a","granularity":4096}},' +
      '{"type":"block-dirty-bitmap-merge","data":{"node":"n0","target":"a","bitmaps":["a",{"node":"n1","name":"b"}]}},' +
      '{"type":"block-dirty-bitmap-remove","data":{"node":"n0","name":"a"}}';
    expect(await say(session, call('transaction', `{"actions":[${actions}]}`))).toEqual([
      '{"return": {}}',
    ]);
    expect(target.transactions).toEqual([
      [
        { op: 'add', node: 'n0', name: 'a', granularity: 4096, persistent: false, disabled: false },
        { op: 'merge', node: 'n0', target: 'a', sources: ['a', { node: 'n1', name: 'b' }] },
        { op: 'remove', node: 'n0', name: 'a' },
      ],
    ]);
  });

  it('takes an empty merge list, where QEMU crashes', async () => {
    const session = await negotiated();
    await say(session, call('block-dirty-bitmap-add', '{"node":"n0","name":"a"}'));
    expect(
      await say(
        session,
        call('block-dirty-bitmap-merge', '{"node":"n0","target":"a","bitmaps":[]}'),
      ),
    ).toEqual(['{"return": {}}']);
  });

  it('describes nodes and their bitmaps, newest first', async () => {
    const session = await negotiated(new FakeTarget('n0'));
    await say(session, call('block-dirty-bitmap-add', '{"node":"n0","name":"a"}'));
    await say(session, call('block-dirty-bitmap-add', '{"node":"n0","name":"b","disabled":true}'));
    const [reply] = await say(session, '{"execute":"query-named-block-nodes"}');
    const { return: nodes }: { return: Record<string, unknown>[] } = JSON.parse(reply!);
    expect(nodes).toHaveLength(1);
    expect(nodes[0]).toMatchObject({ 'node-name': 'n0', drv: 'raw', file: 'n0.raw', ro: false });
    const common = { persistent: false, busy: false, granularity: 65536, count: 0 };
    expect(nodes[0]!['dirty-bitmaps']).toEqual([
      { name: 'b', recording: false, ...common },
      { name: 'a', recording: true, ...common },
    ]);
  });

  it('resizes a node by either of its names, in whole sectors where its format has them', async () => {
    const target = new FakeTarget('n0');
    const session = await negotiated(target);
    const resize = async (args: string) => (await say(session, call('block_resize', args)))[0];
    expect(await resize('{"node-name":"n0","size":1000}')).toBe('{"return": {}}');
    target.driver = 'qcow2';
    const sectors = 'The new size must be a multiple of 512';
    expect(await resize('{"node-name":"n0","size":2000}')).toContain(sectors);
    expect(target.sizes.get('n0')).toBe(1000);
    expect(await resize('{"device":"n0","size":9223372036854775296}')).toContain('too large');
    expect(await resize('{"device":"n0","size":2048}')).toBe('{"return": {}}');
    target.readOnly = true;
    expect(await resize('{"device":"n0","size":4096}')).toContain('Image is read-only');
    expect(target.sizes.get('n0')).toBe(2048);
  });

  it('lists every command that it knows', async () => {
    const session = await negotiated();
    const [reply] = await say(session, '{"execute":"query-commands"}');
    const { return: commands }: { return: { name: string }[] } = JSON.parse(reply!);
    for (const { name } of commands) {
      if (name === 'quit') continue;
      expect((await say(session, `{"execute":"${name}"}`))[0]).not.toContain('has not been found');
    }
    expect(commands.map(({ name }) => name)).toContain('block-dirty-bitmap-merge');
  });

  it('answers quit and takes nothing more', async () => {
    const session = await negotiated();
    expect(await say(session, '{"execute":"quit"}{"execute":"query-block"}')).toEqual([
      '{"return": {}}',
    ]);
    expect(session.quitting).toBe(true);
  });

  it('answers each id once, in order, whatever stands between the requests', async () => {
    const junk = fc.constantFrom(
      '\u0001',
      '\u0000',
      '{"execute":',
      '[1,',
      'foo ',
      '"x\n',
      '%',
      '}',
    );
    const part = fc.oneof(fc.constant('request'), junk);
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { maxLength: 30 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        async (parts, cuts) => {
          const session = await negotiated();
          let sent = 0;
          // Each request begins with the character that has a broken one before it forgotten.
          const text = parts.map((each) =>
            each === 'request' ? `\u0000\u0000{"execute":"query-block","id":${sent++}}` : each,
          );
          const whole = text.join('');
          const ids: number[] = [];
          for (let at = 0; at < whole.length;) {
            const length = cuts.next().value;
            for (const reply of await say(session, whole.slice(at, at + length))) {
              const { id }: { id?: number } = JSON.parse(reply);
              if (id !== undefined) ids.push(id);
            }
            at += length;
          }
          expect(ids).toEqual([...Array(sent).keys()]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
