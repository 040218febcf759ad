import { QmpClient } from '@tidemark/qmp';
import { describe, expect, it } from 'vitest';
import { Option } from '../../packages/nbd/src/protocol/handshake.ts';
import { Command, CommandFlag, ExportFlag } from '../../packages/nbd/src/protocol/transmission.ts';
import { ControlHead } from '../../packages/qcow2/src/control/spec.ts';
import { startDaemon } from '../programs.ts';
import { describeWithQemu, run, tempDir } from '../qemu.ts';
import { read, rowsOf } from './tables.ts';

describe('docs/nbd.md', () => {
  it.each([
    ['option', Option],
    ['command', Command],
    ['flag of a command', CommandFlag],
    ['flag', ExportFlag],
  ])('has each %s that the code knows', (head, known) => {
    expect(rowsOf(read('docs/nbd.md'), head).map(([name]) => name)).toEqual(Object.keys(known));
  });
});

describe('docs/formats.md', () => {
  it('has the fields of the control extension where the code has them', () => {
    const offsets = rowsOf(read('docs/formats.md'), 'offset').map(([offset]) => Number(offset));
    expect(offsets.filter((offset) => offset > 0)).toEqual(
      Object.values(ControlHead.offsetOf).slice(1).concat(ControlHead.size),
    );
  });
});

describeWithQemu('docs/qmp.md', ['qemu-storage-daemon'], () => {
  const dir = tempDir();

  it('has each command of both daemons', async () => {
    const daemon = await startDaemon(
      ...['-drive', 'driver=memory,size=1M,id=m', '--qmp', `unix:${dir}/qmp`],
      ...['--nbd-server', `addr.type=unix,addr.path=${dir}/nbd`],
    );
    await using client = await QmpClient.connect(`${dir}/qmp`);
    const names = (reply: unknown) => (reply as { name: string }[]).map(({ name }) => name);
    const ours = names(await client.execute('query-commands'));
    await daemon.stop();
    const lines = '{"execute":"qmp_capabilities"}{"execute":"query-commands"}{"execute":"quit"}';
    const qsd = 'qemu-storage-daemon --chardev stdio,id=c --monitor chardev=c';
    const said = (await run('sh', '-c', `echo '${lines}' | ${qsd}`)).split('\n');
    const theirs = names(JSON.parse(said.find((line) => line.includes('"name"'))!).return);
    const all = [...new Set([...ours, ...theirs])].toSorted();
    expect(
      rowsOf(read('docs/qmp.md'), 'command').map(([name, here, qemu]) => [name, here, qemu]),
    ).toEqual(
      all.map((name) => [
        name,
        ours.includes(name) ? 'yes' : 'no',
        theirs.includes(name) ? 'yes' : 'no',
      ]),
    );
  });
});
