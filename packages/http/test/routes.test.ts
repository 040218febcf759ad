import { Bitmap, Drive, DriveMap, Exports, Job, Points, ROUTES, Service } from '@tidemark/http';
import { ApiError, TidemarkClient } from '@tidemark/http/client';
import * as v from 'valibot';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startFake, TOKEN } from './support/fake-service.ts';
import { rawRequest } from './support/raw-request.ts';

const { server, service } = await startFake();
const client = new TidemarkClient({ url: server.address, token: TOKEN });
afterAll(() => server.close());
beforeEach(() => void service.calls.splice(0));

async function refusalOf(work: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

describe('a client', () => {
  it('is told what there is, as the schemas have it', async () => {
    expect(v.parse(Service, await client.service())).toEqual({
      ...service.service(),
      writable: true,
    });
    expect(v.parse(v.array(Drive), await client.drives())).toEqual([service.drive]);
    expect(v.parse(Drive, await client.drive('vm 1'))).toEqual(service.drive);
    expect(v.parse(Exports, await client.exports())).toEqual(service.exports());
    expect(v.parse(v.array(Job), await client.jobs())).toEqual(service.jobs());
    expect(v.parse(Points, await client.points())).toEqual(await service.points());
    expect(await client.description()).toMatchObject({ info: { version: '1.2.3' } });
  });

  it('gets the map that it asks for', async () => {
    expect(v.parse(DriveMap, await client.map('vm 1'))).toMatchObject({ offset: 0, cells: 1024 });
    await client.map('vm 1', { offset: 512, length: 1024, cells: 2 });
    expect(service.calls.splice(0)).toEqual([
      ['map', 'vm 1', { offset: 0, cells: 1024 }],
      ['map', 'vm 1', { offset: 512, length: 1024, cells: 2 }],
    ]);
    expect(await refusalOf(client.map('vm 1', { length: 2 ** 41 }))).toMatchObject({
      status: 400,
      code: 'OUT_OF_RANGE',
    });
  });

  it('changes bitmaps, whatever they are called', async () => {
    const wanted = { name: 'ä ?#', granularity: 512, persistent: false, disabled: true };
    expect(v.parse(Bitmap, await client.addBitmap('vm 1', wanted)).name).toBe('ä ?#');
    for (const verb of ['clear', 'enable', 'disable'] as const) {
      expect(v.parse(Bitmap, await client.changeBitmap('vm 1', 'a/b', verb)).name).toBe('a/b');
    }
    await client.removeBitmap('vm 1', 'a/b');
    await client.cancelJob('j');
    expect(service.calls.splice(0)).toEqual([
      ['add', 'vm 1', wanted],
      ['clear', 'vm 1', 'a/b'],
      ['enable', 'vm 1', 'a/b'],
      ['disable', 'vm 1', 'a/b'],
      ['remove', 'vm 1', 'a/b'],
      ['cancel', 'j'],
    ]);
  });

  it('is refused with a code', async () => {
    const refusals = [
      [() => client.drive('vm'), 404, 'NOT_FOUND'],
      [() => client.map('vm'), 404, 'NOT_FOUND'],
      [() => client.map('vm 1', { cells: 4097 }), 400, 'USAGE'],
      [() => client.addBitmap('vm 1', { name: 'a/b' }), 409, 'BITMAP_EXISTS'],
      [() => client.addBitmap('vm 1', { name: '' }), 400, 'USAGE'],
      [() => client.removeBitmap('vm 1', 'held'), 409, 'BITMAP_BUSY'],
      [() => client.changeBitmap('vm 1', 'held', 'clear'), 409, 'BITMAP_BUSY'],
      [() => client.changeBitmap('vm 1', 'no', 'clear'), 404, 'BITMAP_NOT_FOUND'],
      [() => client.cancelJob('k'), 404, 'NOT_FOUND'],
    ] as const;
    for (const [work, status, code] of refusals) {
      expect(await refusalOf(work())).toMatchObject({ status, code });
    }
  });
});

describe('every route', () => {
  it.each(Object.entries(ROUTES))('refuses other methods: %s', async (_, { method, path }) => {
    const others = Object.values(ROUTES).filter((route) => route.path === path);
    const allowed = new Set(others.map((route) => route.method));
    const wrong = (['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS'] as const).filter((each) => {
      return !allowed.has(each as typeof method);
    });
    for (const each of wrong) {
      const filled = `/api/v1${path.replaceAll(/\{\w+\}/g, 'x')}`;
      const answer = await rawRequest(server.address, { method: each, path: filled });
      expect(answer).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
      expect(answer.headers.allow).toBe([...allowed].join(', '));
    }
  });

  it.each(Object.entries(ROUTES))('needs the token: %s', async (_, { method, path }) => {
    const filled = `/api/v1${path.replaceAll(/\{\w+\}/g, 'x')}`;
    for (const token of [null, '', `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()]) {
      const answer = await rawRequest(server.address, { method, path: filled, token });
      expect(answer).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
    expect(service.calls).toEqual([]);
  });
});
