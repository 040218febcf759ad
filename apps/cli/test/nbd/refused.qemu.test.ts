import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { qemuBitmaps } from '../../../../tools/qemu-bitmaps.ts';
import { describeWithQemu, run, tempDir } from '../../../../tools/qemu.ts';
import { runNbdLine } from '../support/nbd-programs.ts';

/** `DIR` stands for the folder, which has a.qcow2 with bitmaps b0 and b1, and r.raw. */
const LINES: readonly string[] = [
  '',
  'a.qcow2 r.raw',
  '-L a.qcow2',
  '-Q',
  '-tQ a.qcow2',
  '--nope',
  '--nope=1',
  '-k',
  '--socket',
  '--fork=3 a.qcow2',
  '--for a.qcow2',
  '--tls a.qcow2',
  '-e abc a.qcow2',
  '-e -1 a.qcow2',
  '-e 99999999999 a.qcow2',
  '-k rel.sock a.qcow2',
  '-x a -x b -D c -D d -k rel a.qcow2',
  '-k DIR/s nofile',
  '-k DIR/s -f qcow2 nofile',
  '-k DIR/s -f bogus a.qcow2',
  '-k DIR/s -f qcow2 r.raw',
  '-k DIR/s -r -f qcow2 r.raw',
  '-k DIR/s -B nope a.qcow2',
  '-k DIR/s -B b0 -B nope a.qcow2',
  '-k DIR/s -f raw -B b0 r.raw',
  '-k /nonexistent/s a.qcow2',
  '-p abc -b 127.0.0.1 a.qcow2',
  '-b nonexistent.invalid -p 12345 a.qcow2',
  '--pid-file=/nonexistent/x -k DIR/s a.qcow2',
  '--fork -k /nonexistent/s a.qcow2',
  '--fork -k DIR/s nofile',
  '--fork -k DIR/s -B nope a.qcow2',
  '--cache=bogus a.qcow2',
  '--discard=bogus a.qcow2',
  '--aio=bogus a.qcow2',
  '--detect-zeroes=bogus a.qcow2',
  '--tls-creds x a.qcow2',
  '--tls-authz x -k DIR/s a.qcow2',
  '--tls-hostname x -k DIR/s a.qcow2',
  '--object tls-creds-psk,id=c,dir=DIR,endpoint=client --tls-creds c -k DIR/s a.qcow2',
  '--object tls-creds-psk,id=c,dir=DIR,endpoint=client --tls-creds c --tls-hostname h -k DIR/s a.qcow2',
  '-L --object tls-creds-psk,id=c,dir=DIR,endpoint=server --tls-creds c -k DIR/s',
  '-L --object tls-creds-psk,id=c,dir=DIR,endpoint=client --tls-creds c --tls-authz a -k DIR/s',
  '-L --tls-authz x -k DIR/s',
  '-L -k DIR/none',
  '-L -b localhost -p 1',
  '-L -b 127.0.0.1 -p 1',
  '-L -x foo -k DIR/none',
  '-L -D d -k DIR/none',
  '-L -f raw -k DIR/none',
  '-L -B b -k DIR/none',
  '-L -A -k DIR/none',
  '-L --discard=unmap -k DIR/none',
  '-L -e 3 -t -r --pid-file x -k DIR/none',
  '-L --fork -k DIR/none',
];

describeWithQemu('tidemark nbd refuses as qemu-nbd does', ['qemu-nbd', 'qemu-img'], () => {
  const dir = tempDir();

  beforeAll(async () => {
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', join(dir, 'a.qcow2'), '1M');
    for (const name of ['b0', 'b1']) {
      await run('qemu-img', 'bitmap', '--add', join(dir, 'a.qcow2'), name);
    }
    writeFileSync(join(dir, 'r.raw'), '');
    truncateSync(join(dir, 'r.raw'), 2 ** 20);
    writeFileSync(join(dir, 'keys.psk'), 'qemu:00112233\n');
    mkdirSync(join(dir, 'folder'));
  });

  it.each(LINES)('%s', async (line) => {
    const words = line === '' ? [] : line.replaceAll('DIR', dir).split(' ');
    const theirs = await runNbdLine('qemu-nbd', dir, words);
    expect(theirs.code).toBe(1);
    expect(await runNbdLine('tidemark nbd', dir, words)).toEqual(theirs);
  });

  it('leaves the bitmaps as they were', async () => {
    const flags = (await qemuBitmaps(join(dir, 'a.qcow2'))).map((bitmap) => bitmap.flags);
    expect(flags).toEqual([['auto'], ['auto']]);
  });

  it('says of a server that does not negotiate that it has no names', async () => {
    // NBDMAGIC and the magic of the old style.
    const greeting = '4e42444d414749430000420281861253';
    const server = createServer((socket) => socket.end(Buffer.from(greeting, 'hex')));
    const socket = join(dir, 'old');
    server.listen(socket);
    await once(server, 'listening');
    const uri = `nbd+unix:///a?socket=${socket}`;
    const { code, stderr } = await runNbdLine('tidemark nbd', dir, ['-k', join(dir, 's'), uri]);
    server.close();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        `tidemark nbd: Failed to blk_new_open '${uri}': nbd drive '${uri}': export 'a' was not opened: ` +
        'the server has one export, without a name, and does not negotiate (old style)\n' +
        'tidemark nbd: hint: leave the name out\n',
    });
  });

  it('refuses by name what it does not have', async () => {
    for (const option of ['-o 512', '-s', '-n', '--cache=none', '--aio=native', '--image-opts']) {
      const words = [...option.split(' '), '-k', join(dir, 's'), 'a.qcow2'];
      const { code, stderr } = await runNbdLine('tidemark nbd', dir, words);
      expect({ code, stderr }, option).toEqual({
        code: 1,
        stderr: `tidemark nbd: Option '${option.split(' ')[0]}' is not offered here: use qemu-nbd for it\n`,
      });
    }
  });
});
