import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { QmpControl } from '@tidemark/qmp';
import { describe, expect, it } from 'vitest';
import { TIDEMARKD } from '../../../tools/programs.ts';
import { sh, tempDir } from '../../../tools/qemu.ts';

const dir = tempDir();

describe('tidemarkd --daemonize', () => {
  it('returns when it serves, and has a pidfile until it ends', async () => {
    const [socket, pidfile] = [join(dir, 'q.sock'), join(dir, 'pid')];
    const flags = ['--chardev', `socket,id=c,path=${socket},server=on,wait=off`, '--monitor', 'c'];
    const started = await sh(
      process.execPath,
      ...[TIDEMARKD, '--daemonize', '--pidfile', pidfile, ...flags],
      ...['--blockdev', 'driver=memory,node-name=m,size=1048576'],
    );
    expect(started).toMatchObject({ code: 0 });
    const pid = Number(readFileSync(pidfile, 'utf8'));
    expect(pid).not.toBe(process.pid);
    await using control = await QmpControl.connect(socket);
    const [node] = await control.call('query-named-block-nodes');
    expect(node).toMatchObject({ 'node-name': 'm', drv: 'memory' });
    process.kill(pid, 'SIGTERM');
    while (existsSync(pidfile)) await setTimeout(20);
  });

  it('says why it does not come to serve, with its exit code', async () => {
    const wrong = await sh(
      process.execPath,
      ...[TIDEMARKD, '--daemonize', '--blockdev', 'driver=file,node-name=x,filename=none'],
    );
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain("Could not open 'none': No such file or directory");
  });

  it('does what options say in the order in which they stand', async () => {
    const blockdev = ['--blockdev', 'driver=memory,node-name=m,size=1048576'];
    const exported = ['--export', 'type=nbd,id=e,node-name=m'];
    const server = ['--nbd-server', `addr.type=unix,addr.path=${dir}/nbd.sock`];
    const run = (...args: readonly string[]) => sh(process.execPath, TIDEMARKD, ...args);
    expect(await run(...blockdev, ...exported, ...server)).toMatchObject({
      stderr: expect.stringContaining('NBD server not running'),
    });
    expect(await run(...server, ...exported, ...blockdev)).toMatchObject({
      stderr: expect.stringContaining("Cannot find device='' nor node-name='m'"),
    });
    expect(await run('--monitor', 'chardev=c')).toMatchObject({
      stderr: expect.stringContaining("chardev 'c' not found"),
    });
  });
});
