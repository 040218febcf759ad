import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { connectNbd } from '@tidemark/nbd';
import { expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const SIZE = 4 * 1024 * 1024;

it('tidemark ctl handover takes a drive from one daemon to another', async () => {
  const dir = tempDir();
  const image = join(dir, 'vm.qcow2');
  const [from, to] = [join(dir, 'a.qmp'), join(dir, 'b.qmp')];
  await (await createDrive(image, { format: 'qcow2', size: SIZE })).device.close();
  const start = async (qmp: string, nbd: string, ...args: string[]): Promise<Daemon> =>
    startDaemon(
      ...['--chardev', `socket,id=c,path=${qmp},server=on,wait=off`, '--monitor', 'chardev=c'],
      ...['--nbd-server', `addr.type=unix,addr.path=${join(dir, nbd)}`],
      ...args,
    );
  const file = `file.driver=file,file.filename=${image}`;
  const source = await start(
    ...[from, 'a.nbd', '--blockdev', `driver=qcow2,node-name=vm,discard=unmap,${file}`],
    ...['--export', 'type=nbd,id=vm,node-name=vm,writable=on'],
  );
  const target = await start(to, 'b.nbd');
  try {
    await succeed('ctl', 'add', from, 'vm', 'nightly');
    const { message } = await fail('ctl', 'handover', from, 'nobody', '--to', to);
    expect(message).toContain("there is no drive 'nobody'");
    const missing = ['--to', to, '--path', join(dir, 'missing.qcow2')];
    const refused = await fail('ctl', 'handover', from, 'vm', ...missing);
    expect(refused.message).toMatch(/was not handed over, and it goes on here.*No such file/);
    expect(await succeed('ctl', 'handover', from, 'vm', '--to', to)).toContain("'vm' is with");
    await using disk = await connectNbd(`nbd+unix:///vm?socket=${join(dir, 'b.nbd')}`);
    await disk.write(Buffer.alloc(10, 1), 0);
    // As it was at the source, though nobody told the target.
    expect(disk.canDiscard).toBe(true);
    expect(await succeedJson('ctl', 'bitmaps', to)).toMatchObject([
      { node: 'vm', name: 'nightly', dirtyBytes: 65_536, persistent: true, recording: true },
    ]);
    expect(await succeedJson('ctl', 'drives', from)).toEqual([]);
  } finally {
    expect((await source.stop()).code).toBe(0);
    expect((await target.stop()).code).toBe(0);
  }
});
