import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createImageioServer, TicketTable } from '@tidemark/imageio';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';

const SIZE = 8 * 2 ** 20;
const GRANULE = 65_536;

describeWithQemu('clients of others', ['nbdkit', 'nbdcopy', 'openssl', 'curl', 'python3'], () => {
  const dir = tempDir();
  const path = (name: string) => join(dir, name);

  async function served(work: (image: string, unix: string, disk: Served) => Promise<void>) {
    const device = new MemoryDevice({ size: SIZE });
    const content = Buffer.alloc(SIZE);
    for (let at = 0; at < SIZE; at += 3 * GRANULE) content.fill(1 + at / GRANULE, at, at + 70_000);
    await device.write(content, 0);
    const bitmap = new DirtyBitmap(SIZE, GRANULE);
    const tickets = new TicketTable();
    tickets.add('t', { device, bitmap: () => bitmap });
    const key = ['-keyout', path('key.pem'), '-out', path('cert.pem')];
    const about = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    await run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...key, ...about);
    const tls = { cert: await readFile(path('cert.pem')), key: await readFile(path('key.pem')) };
    const unix = path('imageio.sock');
    const servers = [
      createImageioServer({ tickets, tls, unixSocket: unix }).listen(0, '127.0.0.1'),
      createImageioServer({ tickets, unixSocket: unix }).listen(unix),
    ];
    await Promise.all(servers.map((server) => once(server, 'listening')));
    const { port } = servers[0]!.address() as AddressInfo;
    try {
      await work(`https://127.0.0.1:${port}/images/t`, unix, { device, bitmap, content });
    } finally {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    }
  }

  it('read an image over TLS as an NBD disk: nbdkit and libcurl', async () => {
    await served(async (image, _, { content }) => {
      // It asks for a byte too many each time, which imageio refuses behind the end, and so do we.
      const end = SIZE - 512;
      const curl = ['curl', `url=${image}`, `cainfo=${path('cert.pem')}`, `range=${end}`];
      const copy = `nbdcopy "$uri" ${path('copy.raw')}`;
      await run('nbdkit', '-r', '-U', '-', '--filter=offset', ...curl, '--run', copy);
      expect((await readFile(path('copy.raw'))).equals(content.subarray(0, end))).toBe(true);
    });
  });

  it('back up by what the documentation of imageio tells them: Python', async () => {
    await served(async (image, unix, { device, bitmap, content }) => {
      const script = join(import.meta.dirname, 'support/incremental-backup.py');
      const backUp = async (context: 'zero' | 'dirty') => {
        const args = [script, image, path('cert.pem'), context, path('backup.raw')];
        return JSON.parse(await run('python3', ...args)) as unknown;
      };
      writeFileSync(path('backup.raw'), Buffer.alloc(SIZE, 0xee));
      expect(await backUp('zero')).toMatchObject({ over: unix, size: SIZE });
      expect((await readFile(path('backup.raw'))).equals(content)).toBe(true);
      // A guest writes; one granule turns to zeros.
      const change = async (offset: number, bytes: Buffer) => {
        await device.write(bytes, offset);
        bytes.copy(content, offset);
        bitmap.set(offset, bytes.length);
      };
      await change(5 * GRANULE + 17, Buffer.alloc(100, 0xab));
      await device.writeZeroes(0, 2 * GRANULE);
      content.fill(0, 0, 2 * GRANULE);
      bitmap.set(0, 2 * GRANULE);
      await change(SIZE - 512, Buffer.alloc(512, 0xcd));
      // Of what is dirty, the disk has so much that is not zeros, in pages of 4 KiB.
      expect(await backUp('dirty')).toEqual({ over: unix, size: SIZE, read: 4 * 4096 });
      expect((await readFile(path('backup.raw'))).equals(content)).toBe(true);
    });
  });

  it('are told by status what is wrong: curl', async () => {
    await served(async (image) => {
      const curl = async (...args: readonly string[]) => {
        const about = ['-s', '-o', path('out'), '-w', '%{http_code}', '--cacert', path('cert.pem')];
        return (await sh('curl', ...about, ...args)).stdout;
      };
      writeFileSync(path('upload.raw'), Buffer.alloc(4 * 2 ** 20));
      expect(await curl('--range', '0-65535', image)).toBe('206');
      expect((await readFile(path('out'))).length).toBe(65_536);
      expect(await curl('--range', `0-${SIZE}`, image)).toBe('416');
      expect(await curl('--range', '0-1,4-5', image)).toBe('416');
      expect(await curl('--upload-file', path('upload.raw'), image)).toBe('403');
      const zero = ['-X', 'PATCH', '--data-binary', '{"op": "zero", "size": 512}'];
      expect(await curl(...zero, image)).toBe('403');
      expect(await curl(`${image}-other`)).toBe('403');
      expect(await curl(`${image}/extents?context=none`)).toBe('400');
    });
  });
});

interface Served {
  readonly device: MemoryDevice;
  readonly bitmap: DirtyBitmap;
  readonly content: Buffer;
}
