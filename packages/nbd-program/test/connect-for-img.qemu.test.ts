import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runImg } from '@tidemark/img';
import { describeWithQemu, sh, tempDir } from '../../../tools/qemu.ts';
import { connectForImg } from '../src/index.ts';

describeWithQemu('images on NBD servers', ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdkit'], () => {
  const dir = tempDir();
  const socket = join(dir, 's');
  const readOnly = join(dir, 'ro');
  const servers: ChildProcess[] = [];

  beforeAll(async () => {
    const run = (command: string) => execFileSync('sh', ['-c', command], { cwd: dir });
    run(`qemu-img create -q -f qcow2 base.qcow2 1M && qemu-io -c 'w -P 1 0 256k' base.qcow2 &&
      qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 disk.qcow2 &&
      qemu-img bitmap --add disk.qcow2 b && qemu-io -c 'w -P 2 64k 128k' disk.qcow2 &&
      qemu-img bitmap --disable disk.qcow2 b`);
    run(`qemu-img create -q disk.raw 1M && qemu-io -f raw -c 'w -P 3 192k 64k' disk.raw`);
    await serve(readOnly, '-r', '-f', 'qcow2', '-B', 'b', '-A', join(dir, 'disk.qcow2'));
    await serve(socket, '-f', 'raw', '-x', 'a name', join(dir, 'disk.raw'));
  });

  afterAll(async () => {
    for (const server of servers) {
      const ended = once(server, 'exit');
      if (server.kill()) await ended;
    }
  });

  /** Waits until a server listens. */
  async function serve(path: string, ...options: readonly string[]): Promise<void> {
    const words = ['-t', '-e', '10', '-k', path, ...options];
    const server = spawn('qemu-nbd', words, { stdio: 'ignore' });
    servers.push(server);
    for (let left = 200; !existsSync(path); left--) {
      if (left === 0 || server.exitCode !== null) throw new Error('qemu-nbd does not listen');
      await setTimeout(50);
    }
  }

  async function both(words: readonly string[]) {
    let [stdout, stderr] = ['', ''];
    const code = await runImg(words, {
      out: (text) => (stdout += text),
      err: (text) => (stderr += text),
      connectNbd: connectForImg,
    });
    const theirs = await sh('qemu-img', ...words);
    const own = theirs.stderr.replaceAll('qemu-img: ', 'tidemark img: ');
    return { ours: { code, stdout, stderr }, theirs: { ...theirs, stderr: own } };
  }

  const RO = `driver=nbd,server.type=unix,server.path=${readOnly}`;
  const LOOKS: readonly string[][] = [
    ['info', `nbd:unix:${readOnly}`],
    ['info', '--output=json', `nbd+unix:///?socket=${readOnly}`],
    ['info', '-f', 'raw', `nbd+unix:///a%20name?socket=${socket}`],
    ['info', '--image-opts', RO],
    ['info', '--image-opts', `driver=raw,file.driver=nbd,file.path=${readOnly}`],
    ['info', '-f', 'qcow2', `nbd:unix:${readOnly}`],
    ['map', '--output=json', `nbd:unix:${readOnly}`],
    ['map', `nbd:unix:${readOnly}`],
    ['map', '--output=json', '--image-opts', RO],
    ['map', '--output=json', '--image-opts', `${RO},x-dirty-bitmap=qemu:dirty-bitmap:b`],
    ['map', '--output=json', '--image-opts', `${RO},x-dirty-bitmap=qemu:allocation-depth`],
    ['compare', '-f', 'raw', `nbd:unix:${readOnly}`, `nbd:unix:${readOnly}`],
    ['compare', `nbd:unix:${socket}:exportname=a name`, join(dir, 'base.qcow2')],
    ['check', '-f', 'raw', `nbd:unix:${readOnly}`],
    ['resize', '-f', 'raw', `nbd:unix:${socket}:exportname=a name`, '2M'],
    ['info', `nbd:unix:${socket}`],
    ['info', '--image-opts', `${RO},export=none`],
    ['info', '--image-opts', `${RO},tls-creds=none`],
    ['info', `nbd:unix:${join(dir, 'nothing')}`],
    ['info', 'nbd://127.0.0.1:1/x'],
  ];

  it.each(LOOKS)('as qemu-img: %s %s %s %s', async (...words) => {
    const { ours, theirs } = await both(words);
    expect(ours).toEqual(theirs);
  });

  it('copies from a server and to one', async () => {
    const [copy, back] = [join(dir, 'copy.qcow2'), `nbd+unix:///a%20name?socket=${socket}`];
    const convert = (...words: readonly string[]) =>
      runImg(['convert', ...words], { out: () => {}, err: () => {}, connectNbd: connectForImg });
    expect(await convert('-O', 'qcow2', `nbd:unix:${readOnly}`, copy)).toBe(0);
    expect(await sh('qemu-img', 'compare', '-U', join(dir, 'disk.qcow2'), copy)).toMatchObject({
      code: 0,
    });
    expect(await convert('-n', '-O', 'raw', copy, back)).toBe(0);
    expect(await sh('qemu-img', 'compare', '-f', 'raw', back, copy)).toMatchObject({ code: 0 });
    expect(await convert('-O', 'raw', copy, back)).toBe(1);
  });

  it('maps a disk whose last sector is not whole as qemu-img does', async () => {
    const path = join(dir, 'odd');
    const server = spawn('nbdkit', ['-f', '-U', path, 'memory', '1000'], { stdio: 'ignore' });
    try {
      for (let left = 200; !existsSync(path); left--) {
        if (left === 0 || server.exitCode !== null) throw new Error('nbdkit does not listen');
        await setTimeout(50);
      }
      for (const format of ['raw', 'probed']) {
        const words = ['map', '--output=json', ...(format === 'raw' ? ['-f', 'raw'] : [])];
        const { ours, theirs } = await both([...words, `nbd:unix:${path}`]);
        expect(ours).toEqual(theirs);
        expect(ours.code).toBe(0);
      }
    } finally {
      server.kill();
    }
  });

  it('does not write what is exported for reading', async () => {
    let stderr = '';
    const words = ['convert', '-n', '-O', 'raw', join(dir, 'disk.raw'), `nbd:unix:${readOnly}`];
    const host = { out: () => {}, err: (text: string) => (stderr += text) };
    // The raw disk is open for writing at its own server.
    expect(
      await runImg(['convert', '-U', ...words.slice(1)], { ...host, connectNbd: connectForImg }),
    ).toBe(1);
    expect(stderr).toMatch(/request on write denied without write permission/);
  });

  it('says that nothing is known of a context that the server has not', async () => {
    let stderr = '';
    const host = { out: () => {}, err: (text: string) => (stderr += text) };
    const words = ['map', '--image-opts', `${RO},x-dirty-bitmap=qemu:dirty-bitmap:none`];
    expect(await runImg(words, { ...host, connectNbd: connectForImg })).toBe(1);
    expect(stderr).toMatch(/the server tells nothing of 'qemu:dirty-bitmap:none'/);
  });
});
