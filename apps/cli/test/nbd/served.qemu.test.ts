import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { makeCertificates } from '../../../../packages/nbd/test/support/certificates.ts';
import { qemuBitmaps, qemuDirtyMap } from '../../../../tools/qemu-bitmaps.ts';
import { tidemark } from '../../../../tools/programs.ts';
import { describeWithQemu, run, sh, tempDir } from '../../../../tools/qemu.ts';
import { BOTH, runNbdLine, serveInBackground } from '../support/nbd-programs.ts';

const MIB = 2 ** 20;

/** Lines that serve, and the name of the export. */
const LINES: readonly (readonly [string, string])[] = [
  ['-t -f qcow2 a.qcow2', ''],
  ['-t -f qcow2 a.qcow2 -r', ''],
  ['-t -f qcow2 -e 2 a.qcow2', ''],
  ['-t -r -e 0 -f qcow2 a.qcow2', ''],
  ['-t -f qcow2 -x exp -D about-it -A -B b0 -B b1 a.qcow2', 'exp'],
  ['-t -f qcow2 -r -B b1 -e 7 a.qcow2', ''],
  ['--persistent --format=qcow2 --bitmap=b0 --export-name x/y --shared=0x10 a.qcow2', 'x/y'],
  ['-t -f qcow2 -B own -B b1 -B b0 over.qcow2', ''],
  ['-t -r -f qcow2 -B b0 over.qcow2', ''],
  ['-tr -fraw r.raw', ''],
  ['-t r.raw', ''],
  ['-tr r.raw', ''],
  ['-t --format raw --discard=unmap --cache=writeback --aio=threads --detect-zeroes off r.raw', ''],
];

describeWithQemu('tidemark nbd serves as qemu-nbd does', ['qemu-nbd', 'nbdinfo', 'openssl'], () => {
  const dir = tempDir();
  const at = (name: string) => join(dir, name);

  beforeAll(async () => {
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', at('a.qcow2'), '8M');
    await run('qemu-io', '-c', 'write -P 1 1M 64k', at('a.qcow2'));
    for (const name of ['b0', 'b1']) await run('qemu-img', 'bitmap', '--add', at('a.qcow2'), name);
    await run('qemu-io', '-c', 'write -P 2 3M 64k', at('a.qcow2'));
    const over = ['-q', '-f', 'qcow2', '-b', 'a.qcow2', '-F', 'qcow2', at('over.qcow2')];
    await run('qemu-img', 'create', ...over);
    await run('qemu-img', 'bitmap', '--add', at('over.qcow2'), 'own');
    await run('qemu-io', '-c', 'write -P 3 5M 64k', at('over.qcow2'));
    writeFileSync(at('r.raw'), Buffer.alloc(MIB, 7));
    truncateSync(at('r.raw'), 4 * MIB);
  });

  it.each(LINES)('%s', async (line, name) => {
    const found = [];
    for (const program of BOTH) {
      await using server = await serveInBackground(program, dir, line.split(' '));
      const plain = (text: string) => text.replaceAll(server.socket, 'SOCKET');
      const json = plain(await run('nbdinfo', '--json', server.uri(name)));
      const listed = plain(await run('nbdinfo', '--list', '--json', server.uri()));
      const maps: string[] = [];
      for (const context of JSON.parse(json).exports[0].contexts) {
        maps.push(await run('nbdinfo', `--map=${context}`, server.uri(name)));
      }
      const lists = [];
      for (const lister of BOTH)
        lists.push(await runNbdLine(lister, dir, ['-L', '-k', server.socket]));
      expect(lists[1]).toEqual(lists[0]);
      found.push({ json: JSON.parse(json), listed: JSON.parse(listed), maps, list: lists[0] });
    }
    expect(found[1]).toEqual(found[0]);
  });

  it.each(BOTH)('%s ends after its last client, having stored its bitmaps', async (program) => {
    copyFileSync(at('a.qcow2'), at('ends.qcow2'));
    const line = ['-f', 'qcow2', '-B', 'b0', 'ends.qcow2'];
    await using server = await serveInBackground(program, dir, line);
    // It is no client that only looks which exports there are.
    await run('nbdinfo', '--list', server.uri());
    await run('qemu-io', '-f', 'raw', '-c', 'write -P 9 5M 128k', server.uri());
    await server.gone();
    expect((await qemuBitmaps(at('ends.qcow2'))).map(({ flags }) => flags)).toEqual([
      ['auto'],
      ['auto'],
    ]);
    const dirty = (await qemuDirtyMap(at('ends.qcow2'), 'b0')).filter((extent) => extent.dirty);
    expect(dirty.map(({ offset, length }) => [offset, length])).toEqual([
      [3 * MIB, 65_536],
      [5 * MIB, 131_072],
    ]);
  });

  it.each(BOTH)('%s lets a second client wait for the first to leave', async (program) => {
    await using server = await serveInBackground(program, dir, ['-t', '-r', '-f', 'raw', 'r.raw']);
    const first = run(
      'qemu-io',
      '-r',
      '-f',
      'raw',
      '-c',
      'sleep 500',
      '-c',
      'read 0 1M',
      server.uri(),
    );
    const others = [1, 2, 3].map(() => run('nbdinfo', '--size', server.uri()));
    expect(await first).toContain('read 1048576/1048576');
    expect(await Promise.all(others)).toEqual(Array(3).fill(`${4 * MIB}\n`));
  });

  it.each(BOTH)('%s lets nobody make a drive an image whose format it guessed', async (program) => {
    writeFileSync(at('g.raw'), Buffer.alloc(MIB, 7));
    const start = readFileSync(at('a.qcow2')).subarray(0, 512);
    writeFileSync(at('start'), start);
    for (const [words, isRefused] of [
      [[], true],
      [['-f', 'raw'], false],
    ] as const) {
      await using server = await serveInBackground(program, dir, [...words, 'g.raw']);
      const { code } = await sh('nbdcopy', at('start'), server.uri());
      await server.gone();
      expect(code !== 0).toBe(isRefused);
      expect(readFileSync(at('g.raw')).subarray(0, 512).equals(start)).toBe(!isRefused);
    }
  });

  it.each(BOTH)('%s keeps space that clients give up, unless it is told', async (program) => {
    for (const [words, blocks] of [
      [[], 2048],
      [['--discard=unmap'], 0],
    ] as const) {
      writeFileSync(at('t.raw'), Buffer.alloc(MIB, 7));
      await using server = await serveInBackground(program, dir, ['-f', 'raw', ...words, 't.raw']);
      await run('qemu-io', '-f', 'raw', '-d', 'unmap', '-c', 'discard 0 1M', server.uri());
      await server.gone();
      expect(Number(await run('stat', '-c', '%b', at('t.raw')))).toBe(blocks);
    }
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends in order on %s', async (signal) => {
    copyFileSync(at('a.qcow2'), at('signal.qcow2'));
    const server = await serveInBackground('tidemark nbd', dir, [
      '-t',
      '-f',
      'qcow2',
      'signal.qcow2',
    ]);
    await run('qemu-io', '-f', 'raw', '-c', 'write -P 9 0 64k', server.uri());
    await server.stop(signal);
    const dirty = (await qemuDirtyMap(at('signal.qcow2'), 'b1')).filter((extent) => extent.dirty);
    expect(dirty.map(({ offset }) => offset)).toEqual([0, 3 * MIB]);
    expect((await sh('test', '-e', server.socket)).code).toBe(1);
  });

  it('tracks a raw drive in its sidecar', async () => {
    writeFileSync(at('side.raw'), Buffer.alloc(4 * MIB, 7));
    await tidemark('bitmap', 'add', at('side.raw'), 'nightly');
    const line = ['-t', '-f', 'raw', '-B', 'nightly', 'side.raw'];
    await using server = await serveInBackground('tidemark nbd', dir, line);
    await run('qemu-io', '-f', 'raw', '-c', 'write -P 9 2M 64k', server.uri());
    const map = await run('nbdinfo', '--map=qemu:dirty-bitmap:nightly', '--json', server.uri());
    expect(JSON.parse(map).find(({ type }: { type: number }) => type === 1)).toMatchObject({
      offset: 2 * MIB,
      length: 65_536,
    });
    await server.stop();
    const { stdout } = await tidemark('bitmap', 'dump', at('side.raw'), 'nightly', '--json');
    expect(stdout).toContain(String(2 * MIB));
  });

  it('serves, and lists, with TLS as qemu-nbd does', async () => {
    await makeCertificates(at('tls'));
    const objects = (endpoint: string) => [
      '--object',
      `tls-creds-x509,id=t,dir=${at('tls')},endpoint=${endpoint}`,
      '--tls-creds=t',
    ];
    for (const program of BOTH) {
      const line = [...objects('server'), '-t', '-r', '-x', 'exp', '-f', 'raw', 'r.raw'];
      await using server = await serveInBackground(program, dir, line);
      const list = async (lister: (typeof BOTH)[number], ...more: readonly string[]) =>
        runNbdLine(lister, dir, ['-L', '-k', server.socket, ...more]);
      const named = [...objects('client'), '--tls-hostname=localhost'];
      const [theirs, ours] = [
        await list('qemu-nbd', ...named),
        await list('tidemark nbd', ...named),
      ];
      expect(ours).toEqual(theirs);
      expect(ours.stdout).toContain("export: 'exp'");
      const other = [...objects('client'), '--tls-hostname=other.example'];
      for (const lister of BOTH) {
        expect(await list(lister, ...other)).toMatchObject({ code: 1, stdout: '' });
        expect(await list(lister)).toMatchObject({ code: 1, stdout: '' });
      }
    }
  });
});
