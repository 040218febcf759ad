# QEMU's own client in a conversation with a daemon on the socket that is named. Prints what it was told.
import asyncio
import json
import sys

from qemu.qmp import ExecuteError, QMPClient
from qemu.qmp.legacy import QEMUMonitorProtocol


async def talk(path):
    client = QMPClient('test')
    await client.connect(path)
    greeting = sorted(client.greeting.QMP.version['qemu'])
    for node in ('n', 't'):
        arguments = {'driver': 'null-co', 'node-name': node, 'size': 1048576}
        await client.execute('blockdev-add', arguments)
    refused = {}
    for name, arguments in (
        ('no-such-thing', {}),
        ('blockdev-del', {'node-name': 'none'}),
        ('blockdev-del', {}),
        ('block-dirty-bitmap-remove', {'node': 'n', 'name': 'none'}),
    ):
        try:
            await client.execute(name, arguments)
        except ExecuteError as error:
            refused[f'{name} {sorted(arguments)}'] = [error.error_class, str(error)]
    several = await asyncio.gather(
        *(client.execute('query-jobs') for _ in range(50)), client.execute('query-block-exports')
    )
    job = {'device': 'n', 'target': 't', 'sync': 'full', 'job-id': 'j'}
    with client.listener('BLOCK_JOB_COMPLETED') as listener:
        await client.execute('blockdev-backup', job)
        event = await listener.get()
    await client.disconnect()
    return {
        'greeting': greeting,
        'refused': refused,
        'several': several,
        'event': {**event['data'], 'members': sorted(event)},
    }


def talk_as_before(path):
    """The client of older scripts, without asyncio."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    monitor = QEMUMonitorProtocol(path)
    monitor.connect()
    added = monitor.cmd(
        'block-dirty-bitmap-add', {'node': 'n', 'name': 'b', 'persistent': False}
    )
    again = monitor.cmd('block-dirty-bitmap-add', {'node': 'n', 'name': 'b'})
    names = sorted(each['name'] for each in monitor.command('query-commands') if each['name'] == 'quit')
    ended = monitor.cmd('quit')
    try:
        monitor.close()
    except EOFError:
        pass  # The daemon has ended first, as it was told to.
    return {'added': added, 'again': again['error'], 'names': names, 'ended': ended}


print(json.dumps([asyncio.run(talk(sys.argv[1])), talk_as_before(sys.argv[1])]))
