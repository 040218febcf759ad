import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { Snapshot } from '@tidemark/http';
import { connectNbd } from '@tidemark/nbd';
import { DirectoryObjectStore } from '@tidemark/object-store';
import { QmpControl } from '@tidemark/qmp';
import { backUpDrives, createRepository, type Repository } from '@tidemark/repository';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { startDaemon } from '../../../../tools/programs.ts';
import { tempDir } from '../../../../tools/qemu.ts';
import { parseOptions } from '../../src/options/parse-options.ts';
import { httpClient, httpConfig, rowOf, TOKEN } from '../support/http-service.ts';
import { end, GRANULE, reload, ServicePlace, SIZE, startService } from '../support/service.ts';

const root = tempDir();
let count = 0;
const newPlace = () => new ServicePlace(join(root, String(count++)));

function exportsOf(...drives: readonly string[]) {
  return Object.fromEntries(drives.map((drive) => [drive, { drive }]));
}

describe('the HTTP API of a daemon', () => {
  it('tells where a drive was written, and pushes it', async () => {
    const place = newPlace();
    const file = await place.drive('a.qcow2', 'qcow2');
    place.write({
      drives: { a: { file, format: 'qcow2', bitmaps: { nightly: {} } } },
      exports: exportsOf('a'),
      http: httpConfig(place),
    });
    const service = await startService(place);
    const client = httpClient(place);
    const events = client.events();
    const first = v.parse(Snapshot, (await events.next()).value);
    expect(first.service).toMatchObject({ ready: true, problems: [], writable: true });
    expect(first.drives[0]).toMatchObject({ name: 'a', driver: 'qcow2', file, size: SIZE });
    const disk = await connectNbd(place.uri('a'));
    await disk.write(new Uint8Array(100), 3 * GRANULE);
    await disk.writeZeroes(SIZE / 2, GRANULE);
    await disk.discard(SIZE - GRANULE, GRANULE);
    const changed = (await events.next()).value as Snapshot;
    expect(changed.exports.clients).toBe(1);
    await events.return(undefined);
    const { bitmaps, written, allocated, ...cells } = await client.map('a', { cells: 4 });
    expect(cells).toEqual({
      offset: 0,
      length: SIZE,
      cellBytes: SIZE / 4,
      cells: 4,
      allocatedComplete: true,
    });
    expect(rowOf(bitmaps['nightly']).map((share) => share > 0)).toEqual([true, false, true, true]);
    expect(rowOf(written).map((heat) => heat > 250)).toEqual([true, false, true, true]);
    expect(rowOf(allocated)[0]).toBeGreaterThan(0);
    const near = await client.map('a', { offset: 2 * GRANULE, length: 3 * GRANULE, cells: 3 });
    expect(rowOf(near.bitmaps['nightly'])).toEqual([0, 255, 0]);
    const drive = await client.drive('a');
    expect(drive.bitmaps[0]).toMatchObject({ name: 'nightly', dirtyBytes: 3 * GRANULE });
    expect(drive.writes).toMatchObject({ requests: 3, bytes: 100 + 2 * GRANULE });
    await disk.close();
    expect(await end(service)).toBe(0);
  });

  it('changes bitmaps, and leaves those alone that somebody holds', async () => {
    const place = newPlace();
    const file = await place.drive('a.raw', 'raw');
    place.write({
      drives: { a: { file, format: 'raw', bitmaps: { held: {} } } },
      exports: { a: { drive: 'a', bitmaps: ['held'] } },
      http: httpConfig(place),
    });
    const service = await startService(place);
    const client = httpClient(place);
    expect(await client.addBitmap('a', { name: 'a/ä', granularity: 512 })).toMatchObject({
      granularity: 512,
      recording: true,
      persistent: true,
    });
    expect(await client.changeBitmap('a', 'a/ä', 'disable')).toMatchObject({ recording: false });
    expect(await client.changeBitmap('a', 'a/ä', 'enable')).toMatchObject({ recording: true });
    expect(await client.changeBitmap('a', 'a/ä', 'clear')).toMatchObject({ dirtyBytes: 0 });
    await client.removeBitmap('a', 'a/ä');
    expect((await client.drive('a')).bitmaps.map(({ name }) => name)).toEqual(['held']);
    for (const work of [
      client.removeBitmap('a', 'held'),
      client.changeBitmap('a', 'held', 'clear'),
    ]) {
      await expect(work).rejects.toMatchObject({ status: 409, code: 'BITMAP_BUSY' });
    }
    await expect(client.addBitmap('a', { name: 'held' })).rejects.toMatchObject({
      status: 409,
      code: 'BITMAP_EXISTS',
    });
    await expect(client.addBitmap('a', { name: 'n', granularity: 1000 })).rejects.toMatchObject({
      status: 400,
    });
    await expect(client.removeBitmap('b', 'n')).rejects.toMatchObject({ status: 404 });
    expect(await end(service)).toBe(0);
  });

  it('tells of jobs, and cancels them', async () => {
    const place = newPlace();
    const file = await place.drive('a.qcow2', 'qcow2');
    place.write({ drives: { a: { file, format: 'qcow2' } }, http: httpConfig(place) });
    const service = await startService(place);
    await using qmp = await QmpControl.connect(place.path('qmp.sock'));
    await qmp.call('blockdev-add', { driver: 'null-co', 'node-name': 't', size: SIZE });
    await qmp.call('blockdev-backup', { device: 'a', target: 't', sync: 'none', 'job-id': 'j' });
    const client = httpClient(place);
    expect(await client.jobs()).toMatchObject([{ id: 'j', type: 'backup', drive: 'a' }]);
    await client.cancelJob('j');
    await expect.poll(() => client.jobs(), { timeout: 30_000 }).toEqual([]);
    await expect(client.cancelJob('j')).rejects.toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(await end(service)).toBe(0);
  });

  it('tells of the last restore points, and of repositories that cannot be read', async () => {
    const place = newPlace();
    const path = place.path('repository');
    await using store = new DirectoryObjectStore(path);
    const repository = await createRepository(store, {});
    await backUp(repository);
    place.write({
      drives: { m: { node: { driver: 'memory', size: SIZE } } },
      http: httpConfig(place),
      repositories: [path, place.path('nothing')],
    });
    const service = await startService(place);
    const client = httpClient(place);
    const { points, problems } = await client.points();
    const about = { repository: path, drive: 'disk of vm', kind: 'full', size: SIZE };
    expect(points).toMatchObject([about]);
    expect(problems).toEqual([expect.stringContaining('there is no repository')]);
    await backUp(repository);
    const length = async () => (await client.points()).points.length;
    await expect.poll(length, { timeout: 30_000 }).toBe(2);
    expect(await end(service)).toBe(0);
  });

  it('takes another token at a reload, and keeps the old one where the new one is wrong', async () => {
    const place = newPlace();
    const drives = { m: { node: { driver: 'memory', size: SIZE } } };
    place.write({ drives, http: httpConfig(place) });
    const service = await startService(place);
    const next = 'the-next-token-of-this-test';
    httpConfig(place, 'short');
    await reload(service);
    expect(service.lines.at(-1)).toContain('does not hold a token');
    expect((await httpClient(place).drives()).length).toBe(1);
    httpConfig(place, next);
    await reload(service);
    await expect(httpClient(place).drives()).rejects.toMatchObject({ status: 401 });
    expect((await httpClient(place, next).drives()).length).toBe(1);
    chmodSync(place.path('token'), 0o644);
    await reload(service);
    expect(service.lines.at(-1)).toContain('is mode 0644');
    place.write({ drives });
    await reload(service);
    await expect(httpClient(place, next).drives()).rejects.toMatchObject({ code: 'ENOENT' });
    place.write({ drives, http: httpConfig(place) });
    await reload(service);
    expect((await httpClient(place).drives()).length).toBe(1);
    expect(await end(service)).toBe(0);
    expect(service.lines.join('\n')).not.toMatch(
      /short\b.*token-of|a-token-of-this|the-next-token/,
    );
  });

  it('serves metrics and health as well, and says why there is no dashboard', async () => {
    const place = newPlace();
    const http = { ...httpConfig(place), dashboard: false };
    place.write({ drives: { m: { node: { driver: 'memory', size: SIZE } } }, http });
    const service = await startService(place);
    const get = (path: string, token?: string) => getText(place, path, token);
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    expect(await get('/readyz')).toEqual([200, 'ok\n']);
    expect((await get('/metrics'))[0]).toBe(401);
    expect((await get('/metrics', TOKEN))[1]).toContain('tidemark_node_size_bytes{node="m"');
    expect(await get('/')).toEqual([404, expect.stringContaining('http.dashboard: false')]);
    expect(await end(service)).toBe(0);
  });
});

async function getText(place: ServicePlace, path: string, token = ''): Promise<[number, string]> {
  const { unixFetch } = await import('@tidemark/http/unix-fetch');
  const headers = { authorization: `Bearer ${token}` };
  const response = await unixFetch(place.path('http.sock'))(path, { headers });
  return [response.status, await response.text()];
}

async function backUp(repository: Repository): Promise<void> {
  const source = new MemoryDevice({ size: SIZE });
  const content = new DirtyBitmap(SIZE, GRANULE);
  const bitmap = { name: 'n', content, checkpoint: undefined, onDurable: async () => {} };
  const drive = { id: 'vm-1', label: 'disk of vm', format: 'raw' };
  await backUpDrives({ repository, drives: [{ source, drive, bitmap }] });
}

it('a token file may not be one that everybody reads', async () => {
  const { readToken } = await import('../../src/http/token.ts');
  const path = join(root, 'token');
  writeFileSync(path, `  ${TOKEN}\r\n`, { mode: 0o640 });
  expect(await readToken(path)).toBe(TOKEN);
  for (const mode of [0o644, 0o604, 0o660, 0o602]) {
    chmodSync(path, mode);
    await expect(readToken(path)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  }
  chmodSync(path, 0o600);
  for (const text of ['', 'x'.repeat(15), 'with a blank in it', 'x'.repeat(1025), 'ä'.repeat(20)]) {
    writeFileSync(path, text);
    const failure: unknown = await readToken(path).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'USAGE' });
    expect(text === '' || !String(failure).includes(text)).toBe(true);
  }
});

describe('--http', () => {
  it('serves the API without a configuration, and with the token of a file', async () => {
    const place = newPlace();
    const { 'token-file': token } = httpConfig(place);
    const daemon = await startDaemon(
      ...['-drive', `driver=memory,size=${SIZE},id=m`],
      ...['--http', `addr.type=unix,addr.path=${place.path('http.sock')},token-file=${token}`],
    );
    const client = httpClient(place);
    expect((await client.service()).writable).toBe(true);
    await client.addBitmap('m', { name: 'n', persistent: false });
    expect((await client.drives())[0]?.bitmaps).toMatchObject([{ name: 'n', persistent: false }]);
    expect((await daemon.stop()).code).toBe(0);
  });

  it('is refused where other machines could reach it without a token', () => {
    const parse = (text: string) => parseOptions(['--http', text]).http;
    expect(parse('addr.type=inet,addr.host=127.0.0.1,addr.port=1')).toEqual({
      listen: { host: '127.0.0.1', port: 1 },
    });
    expect(parse('addr.type=unix,addr.path=/x,addr.mode=0600')).toEqual({
      listen: { unix: '/x', mode: 0o600 },
    });
    for (const wrong of ['addr.type=inet,addr.host=0.0.0.0,addr.port=1', 'addr.type=unix', 'x']) {
      expect(() => parse(wrong)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    }
  });
});
