import { request } from 'node:http';
import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import { QmpControl } from '@tidemark/qmp';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../../tools/qemu.ts';
import { end, GRANULE, reload, ServicePlace, SIZE, startService } from '../support/service.ts';

const root = tempDir();

interface Extent {
  readonly start: number;
  readonly length: number;
  readonly dirty?: boolean;
}

/** GETs over the unix socket of a place. */
async function get(place: ServicePlace, path: string, headers: Record<string, string> = {}) {
  const socketPath = place.path('imageio.sock');
  return new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
    const asked = request({ socketPath, path, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        resolve({ status: response.statusCode!, body: Buffer.concat(parts) });
      });
    });
    asked.on('error', reject).end();
  });
}

async function dirtyOf(place: ServicePlace, id: string): Promise<readonly Extent[]> {
  const { body } = await get(place, `/images/${id}/extents?context=dirty`);
  return (JSON.parse(body.toString()) as Extent[]).filter(({ dirty }) => dirty);
}

async function placeWith(name: string): Promise<{ place: ServicePlace; drives: object }> {
  const place = new ServicePlace(join(root, name));
  const file = await place.drive('a.qcow2', 'qcow2');
  return {
    place,
    drives: { a: { file, format: 'qcow2', bitmaps: { b: { granularity: '64K' } } } },
  };
}

function imageioOf(place: ServicePlace, images: object): object {
  return { listen: { unix: place.path('imageio.sock') }, images };
}

describeWithQemu('the imageio API of a daemon', ['qemu-img', 'openssl', 'curl'], () => {
  it('shows a drive, and what its guest has changed since the bitmap began', async () => {
    const { place, drives } = await placeWith('0');
    const imageio = imageioOf(place, { img: { drive: 'a', bitmap: 'b' } });
    place.write({ drives, exports: { a: { drive: 'a' } }, imageio });
    const service = await startService(place);
    expect(await dirtyOf(place, 'img')).toEqual([]);
    const disk = await connectNbd(place.uri('a'));
    await disk.write(Buffer.alloc(100, 0xab), 3 * GRANULE + 5);
    expect(await dirtyOf(place, 'img')).toMatchObject([{ start: 3 * GRANULE, length: GRANULE }]);
    const range = `bytes=${3 * GRANULE}-${4 * GRANULE - 1}`;
    const part = await get(place, '/images/img', { range });
    expect(part.status).toBe(206);
    expect(part.body.equals(Buffer.alloc(GRANULE).fill(0xab, 5, 105))).toBe(true);
    expect((await get(place, '/images/img')).body).toHaveLength(SIZE);
    // One that does not record would call clean what is written now.
    await using qmp = await QmpControl.connect(place.path('qmp.sock'));
    await qmp.call('block-dirty-bitmap-disable', { node: 'a', name: 'b' });
    expect((await get(place, '/images/img/extents?context=dirty')).status).toBe(404);
    await disk.close();
    expect(await end(service)).toBe(0);
  });

  it('shows a drive as it was when a backup job began, by the target of the job', async () => {
    const { place, drives } = await placeWith('1');
    const before = { drive: 'a', bitmap: 'b', node: 'then' };
    const imageio = imageioOf(place, { now: { drive: 'a' }, before });
    place.write({ drives, exports: { a: { drive: 'a' } }, imageio });
    const service = await startService(place);
    const disk = await connectNbd(place.uri('a'));
    await disk.write(Buffer.alloc(GRANULE, 0x11), 0);
    expect((await get(place, '/images/before')).status).toBe(403);
    await using qmp = await QmpControl.connect(place.path('qmp.sock'));
    const scratch = place.path('scratch.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', scratch, String(SIZE));
    const file = { driver: 'file', filename: scratch };
    await qmp.call('blockdev-add', { driver: 'qcow2', 'node-name': 'then', file, backing: 'a' });
    const job = { device: 'a', target: 'then', sync: 'none', 'job-id': 'j' };
    await qmp.call('transaction', {
      actions: [
        { type: 'block-dirty-bitmap-disable', data: { node: 'a', name: 'b' } },
        { type: 'blockdev-backup', data: job },
      ],
    });
    await disk.write(Buffer.alloc(2 * GRANULE, 0x22), 0);
    const range = `bytes=0-${2 * GRANULE - 1}`;
    const now = await get(place, '/images/now', { range });
    const asBefore = await get(place, '/images/before', { range });
    expect(now.body.equals(Buffer.alloc(2 * GRANULE, 0x22))).toBe(true);
    expect(asBefore.body.equals(Buffer.alloc(2 * GRANULE).fill(0x11, 0, GRANULE))).toBe(true);
    expect(await dirtyOf(place, 'before')).toMatchObject([{ start: 0, length: GRANULE }]);
    await qmp.call('job-cancel', { id: 'j' });
    await disk.close();
    expect(await end(service)).toBe(0);
  });

  it('comes, changes and goes as its configuration is read again', async () => {
    const { place, drives } = await placeWith('2');
    place.write({ drives });
    const service = await startService(place);
    const statusOf = async (id: string) => (await get(place, `/images/${id}/extents`)).status;
    await expect(statusOf('img')).rejects.toThrow(/ENOENT/);
    place.write({ drives, imageio: imageioOf(place, { img: { drive: 'a' } }) });
    await reload(service);
    expect(await statusOf('img')).toBe(200);
    place.write({ drives, imageio: imageioOf(place, { other: { drive: 'a' } }) });
    await reload(service);
    expect([await statusOf('img'), await statusOf('other')]).toEqual([403, 200]);
    // A reload that fails leaves it as it is.
    const broken = { drives, checkpoints: '/new', imageio: imageioOf(place, {}) };
    place.write(broken);
    await reload(service);
    expect(await statusOf('other')).toBe(200);
    place.write({ drives });
    await reload(service);
    await expect(statusOf('other')).rejects.toThrow(/ENOENT|ECONNREFUSED/);
    expect(await end(service)).toBe(0);
  });

  it('is HTTPS where it has certificates, and takes new ones', async () => {
    const { place, drives } = await placeWith('3');
    const certificate = async (name: string) => {
      const files = [
        '-keyout',
        place.path('server-key.pem'),
        '-out',
        place.path('server-cert.pem'),
      ];
      const about = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
      await run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...about);
    };
    await certificate('old');
    const listen = { host: '127.0.0.1', port: 0 };
    const imageio = { listen, tls: { dir: place.dir }, images: { img: { drive: 'a' } } };
    place.write({ drives, imageio });
    const service = await startService(place);
    const told = service.lines.find((line) => line.includes('imageio on https:'))!;
    const url = /https:\S+/.exec(told)![0];
    const cafile = () => ['--cacert', place.path('server-cert.pem')];
    const ask = () => run('curl', '-sf', ...cafile(), `${url}/images/img/extents`);
    expect(JSON.parse(await ask())).toMatchObject([{ start: 0, length: SIZE, zero: true }]);
    await certificate('new');
    await expect(ask()).rejects.toThrow(/exit code/);
    await reload(service);
    expect(JSON.parse(await ask())).toMatchObject([{ start: 0, length: SIZE, zero: true }]);
    expect(await end(service)).toBe(0);
  });
});
