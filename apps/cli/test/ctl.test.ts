import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connectNbd } from '@tidemark/nbd';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon, TIDEMARK } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const GRANULE = 65_536;
const dir = join(tempDir(), 'd');
const socket = join(dir, 'qmp.sock');
let daemon: Daemon;

beforeAll(async () => {
  mkdirSync(dir);
  const memory = (name: string) => ['--blockdev', `driver=memory,node-name=${name},size=1048576`];
  daemon = await startDaemon(
    ...[...memory('a'), ...memory('b')],
    ...['--nbd-server', `addr.type=unix,addr.path=${dir}/nbd.sock`],
    ...['--chardev', `socket,id=c,path=${socket},server=on,wait=off`, '--monitor', 'chardev=c'],
  );
});

afterAll(async () => {
  await daemon.stop();
});

async function write(name: string, granule: number): Promise<void> {
  await using disk = await connectNbd(`nbd+unix:///${name}?socket=${dir}/nbd.sock`);
  await disk.write(Buffer.alloc(10, 1), granule * GRANULE);
}

describe('tidemark ctl', () => {
  it('lists and changes what a running daemon has', async () => {
    expect(await succeedJson('ctl', 'drives', socket)).toMatchObject([
      { node: 'a', driver: 'memory', size: 1_048_576, readOnly: false, bitmaps: 0 },
      { node: 'b' },
    ]);
    for (const node of ['a', 'b']) {
      await succeed('ctl', 'add', socket, node, 'day', '--transient');
      await succeed('ctl', 'export', socket, node, '--writable');
      await write(node, node === 'a' ? 1 : 2);
    }
    await succeed('ctl', 'snapshot', socket, 'a', 'b', '--bitmap', 'day', '--to', 'taken');
    await write('a', 5);
    const bitmaps = await succeedJson<{ node: string; name: string; dirtyBytes: number }[]>(
      ...['ctl', 'bitmaps', socket],
    );
    expect(bitmaps.map(({ node, name, dirtyBytes }) => [node, name, dirtyBytes])).toEqual([
      ['a', 'taken', GRANULE],
      ['a', 'day', GRANULE],
      ['b', 'taken', GRANULE],
      ['b', 'day', 0],
    ]);
    expect(await succeed('ctl', 'bitmaps', socket, 'b')).toContain('disabled, in memory');
    await succeed('ctl', 'unexport', socket, 'a');
    await succeed('ctl', 'export', socket, 'a', '--bitmap', 'taken', '--name', 'copy');
    expect(await succeed('ctl', 'exports', socket)).toMatch(
      /^ID +TYPE +NODE\na +nbd +a\nb +nbd +b\n$/,
    );
    expect(await fail('ctl', 'clear', socket, 'a', 'taken')).toMatchObject({ code: 'BITMAP_BUSY' });
    await succeed('ctl', 'unexport', socket, 'a', '--hard');
    for (const verb of ['clear', 'enable', 'disable', 'remove']) {
      await succeed('ctl', verb, socket, 'a', 'taken');
    }
    expect(await fail('ctl', 'clear', socket, 'a', 'taken')).toMatchObject({
      code: 'BITMAP_NOT_FOUND',
    });
    expect(await fail('ctl', 'add', socket, 'a', 'day')).toMatchObject({
      code: 'BITMAP_UNSUPPORTED',
    });
    expect(await succeedJson('ctl', 'jobs', socket)).toEqual([]);
  });
});

describe('tidemark qmp', () => {
  it('runs one command', async () => {
    const version = await succeed('qmp', socket, 'query-version');
    expect(await succeed('qmp', socket, '{"execute": "query-version"}')).toBe(version);
    expect(JSON.parse(version)).toMatchObject({ qemu: { major: 7 } });
    const args = JSON.stringify({ node: 'b', name: 'one' });
    expect(JSON.parse(await succeed('qmp', socket, 'block-dirty-bitmap-add', args))).toEqual({});
  });

  it('runs the lines that it reads, and tells of events', async () => {
    const child = spawn(process.execPath, [TIDEMARK, 'qmp', socket], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = [
      'query-jobs',
      'block-dirty-bitmap-remove {"node": "b", "name": "one"}',
      '{"execute": "block-dirty-bitmap-remove", "arguments": {"node": "b", "name": "one"}}',
      'blockdev-backup {"job-id": "j", "device": "a", "target": "b", "sync": "none"}',
      'job-cancel {"id": "j"}',
      'query-jobs {',
    ];
    child.stdin.end(lines.join('\n'));
    const told = (await text(child.stdout))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const replies = told.filter((line) => line['event'] === undefined);
    expect(replies.slice(0, 5)).toEqual([
      { return: [] },
      { return: {} },
      { error: { class: 'GenericError', desc: "Dirty bitmap 'one' not found" } },
      { return: {} },
      { return: {} },
    ]);
    expect(replies[5]).toMatchObject({ error: { class: 'GenericError' } });
    expect(told).toContainEqual(expect.objectContaining({ event: 'JOB_STATUS_CHANGE' }));
  });
});
