import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QmpClient } from '@tidemark/qmp';

// Stands for a QEMU that was started with `-qmp unix:vm.qmp,server=on,wait=off`.
const path = join(await mkdtemp(join(tmpdir(), 'qmp-')), 'vm.qmp');
const version = { qemu: { major: 7, minor: 2, micro: 0 }, package: '' };
const qemu = createServer((socket) => {
  const say = (message: object) => socket.write(`${JSON.stringify(message)}\r\n`);
  say({ QMP: { version, capabilities: [] } });
  socket.on('data', (lines) => {
    for (const line of lines.toString().trim().split('\n'))
      say({ return: {}, id: JSON.parse(line).id });
  });
}).listen(path);
await once(qemu, 'listening');

{
  await using qmp = await QmpClient.connect(path);
  const added = { node: 'vm', name: 'nightly', persistent: true };
  console.log(await qmp.execute('block-dirty-bitmap-add', added));
}
qemu.close();
