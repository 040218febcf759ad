import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { DAEMONS, type DaemonName, startEither } from './support/either-daemon.ts';

const dir = tempDir();

// The conversation of QEMU's own client, qemu.qmp, on Python's sockets: it is in no package of
// Debian's. It greets, negotiates, sends one request in pieces and several at once, skips events
// until the reply of its id, and takes any order of members.
const CLIENT = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
lines = s.makefile('r', encoding='utf-8')
events = []
greeting = json.loads(lines.readline())
assert isinstance(greeting['QMP']['version']['qemu']['major'], int), greeting
assert isinstance(greeting['QMP']['capabilities'], list), greeting
ids = iter(range(1000))
def send(execute, pieces=1, **arguments):
    id = f'__qmp#{next(ids):05d}'
    message = {'execute': execute, 'id': id}
    if arguments: message['arguments'] = {k.replace('_', '-'): v for k, v in arguments.items()}
    data = json.dumps(message, separators=(',', ':')).encode() + b'\\n'
    step = -(-len(data) // pieces)
    for at in range(0, len(data), step): s.sendall(data[at:at + step])
    return id
def reply(id):
    while True:
        message = json.loads(lines.readline())
        if 'event' in message:
            assert set(message) == {'event', 'data', 'timestamp'}, message
            events.append(message['event'])
            continue
        assert message['id'] == id, (message, id)
        return message
def execute(name, **arguments):
    return reply(send(name, **arguments))
assert execute('qmp_capabilities') == {'return': {}, 'id': '__qmp#00000'}
assert execute('blockdev-add', pieces=7, driver='null-co', node_name='n', size=1048576)['return'] == {}
assert execute('blockdev-add', driver='null-co', node_name='t', size=1048576)['return'] == {}
several = [send('query-version'), send('no-such-thing'), send('query-blockstats', query_nodes=True)]
version, unknown, stats = [reply(id) for id in several]
assert 'qemu' in version['return'], version
assert unknown['error']['class'] == 'CommandNotFound', unknown
members = {each['node-name']: sorted(each['stats']) for each in stats['return']}
assert execute('blockdev-backup', device='n', target='t', sync='full', job_id='j')['return'] == {}
while 'BLOCK_JOB_COMPLETED' not in events: execute('query-jobs')
assert execute('quit')['return'] == {}
print(json.dumps(members))
`;

describeWithQemu("a client as QEMU's own", ['qemu-storage-daemon'], () => {
  it('is answered alike by both daemons', async () => {
    const told = new Map<DaemonName, unknown>();
    for (const name of Object.keys(DAEMONS) as DaemonName[]) {
      const daemon = await startEither(name, dir);
      await daemon.qmp.close();
      told.set(name, JSON.parse(await run('python3', '-c', CLIENT, daemon.socket)));
      expect(await daemon.ended).toBe(0);
    }
    expect(told.get('tidemarkd')).toEqual(told.get('qemu-storage-daemon'));
    expect(told.get('tidemarkd')).toHaveProperty('n');
  });
});
