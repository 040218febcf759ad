import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { type NbdServerOptions, type NbdServerTls, startNbdServer } from '../src/index.ts';
import { type Certificates, makeCertificates, makeSharedKeys } from './support/certificates.ts';
import { pattern } from './support/pattern.ts';

const MIB = 2 ** 20;
const KEY = '00112233445566778899aabbccddeeff';

describeWithQemu(
  'a server with TLS',
  ['qemu-img', 'qemu-io', 'nbdinfo', 'nbdcopy', 'openssl'],
  () => {
    const dir = tempDir();
    const ends: (() => Promise<void>)[] = [];
    let ours: Certificates;
    let others: Certificates;
    let keys: string;

    beforeAll(async () => {
      ours = await makeCertificates(join(dir, 'ours'));
      others = await makeCertificates(join(dir, 'others'), 'other');
      keys = makeSharedKeys(join(dir, 'keys'), { alice: KEY, bob: 'ff00' });
    });
    afterEach(async () => {
      for (const end of ends.splice(0).toReversed()) await end();
    });

    async function serve(tls: NbdServerTls, more: Partial<NbdServerOptions> = {}) {
      const log: string[] = [];
      const device = new MemoryDevice({ size: 8 * MIB });
      await device.write(pattern(MIB, 1), MIB);
      const bitmap = new DirtyBitmap(device.size, 65_536);
      bitmap.set(MIB, MIB);
      const server = await startNbdServer({
        address: { type: 'inet', host: '127.0.0.1', port: 0 },
        exports: [{ name: 'exp', device, bitmaps: () => [{ name: 'b', content: () => bitmap }] }],
        tls,
        log: (line) => void log.push(line),
        ...more,
      });
      ends.push(() => server.close());
      const port = server.address.type === 'inet' ? String(server.address.port) : '';
      const query = `tls-certificates=${encodeURIComponent(ours.dir)}`;
      const nbds = `nbds://localhost:${port}/exp?${query}`;
      return { server, device, port, log, nbds };
    }

    it('is used by nbdinfo and nbdcopy with certificates', async () => {
      const { nbds, device } = await serve({ type: 'x509', dir: ours.dir });
      const info = JSON.parse(await run('nbdinfo', '--json', nbds)) as Record<string, unknown>;
      expect(info).toMatchObject({ TLS: true, exports: [{ 'export-size': 8 * MIB }] });
      expect(JSON.parse(await run('nbdinfo', '--list', '--json', nbds))).toMatchObject({
        exports: [{ 'export-name': 'exp' }],
      });
      const map = await run('nbdinfo', '--map=qemu:dirty-bitmap:b', '--json', nbds);
      expect(JSON.parse(map)).toMatchObject([
        { offset: 0, length: MIB, type: 0 },
        { offset: MIB, length: MIB, type: 1 },
        { offset: 2 * MIB, length: 6 * MIB, type: 0 },
      ]);
      const copy = join(dir, 'copy.raw');
      await run('nbdcopy', '--connections=4', nbds, copy);
      const content = Buffer.alloc(device.size);
      await device.read(content, 0);
      expect(Buffer.compare(readFileSync(copy), content)).toBe(0);
    });

    it('is written by qemu-img with certificates, and by qemu-io with a key', async () => {
      const { port, device } = await serve({ type: 'x509', dir: ours.dir });
      const creds = `tls-creds-x509,id=t,endpoint=client,dir=${ours.dir}`;
      const target = `driver=nbd,host=localhost,port=${port},export=exp,tls-creds=t`;
      const source = join(dir, 'source.raw');
      await run('qemu-img', 'create', '-q', '-f', 'raw', source, '8M');
      await run('qemu-io', '-f', 'raw', '-c', 'write -P 9 3M 2M', source);
      await run(
        'qemu-img',
        'convert',
        '-n',
        '--object',
        creds,
        '--target-image-opts',
        source,
        target,
      );
      const bytes = Buffer.alloc(2 * MIB);
      await device.read(bytes, 3 * MIB);
      expect(bytes.every((byte) => byte === 9)).toBe(true);

      const shared = await serve({ type: 'psk', dir: join(dir, 'keys') });
      const key = `tls-creds-psk,id=t,endpoint=client,username=alice,dir=${join(dir, 'keys')}`;
      const image = `driver=nbd,host=localhost,port=${shared.port},export=exp,tls-creds=t`;
      await run('qemu-io', '--object', key, '--image-opts', '-c', 'write -P 7 0 64k', image);
      await shared.device.read(bytes, 0);
      expect(bytes.subarray(0, 65_536).every((byte) => byte === 7)).toBe(true);
    });

    it('is used by nbdinfo with a key, and lets in nobody with another', async () => {
      const { port, log } = await serve({ type: 'psk', dir: join(dir, 'keys') });
      const uri = (name: string) =>
        `nbds://${name}@localhost:${port}/exp?tls-psk-file=${encodeURIComponent(keys)}`;
      expect(await run('nbdinfo', '--size', uri('alice'))).toBe(`${8 * MIB}\n`);
      const wrong = makeSharedKeys(join(dir, 'wrong-keys'), { alice: 'ab'.repeat(16), eve: KEY });
      for (const name of ['alice', 'eve']) {
        const guess = `nbds://${name}@localhost:${port}/exp?tls-psk-file=${encodeURIComponent(wrong)}`;
        expect((await sh('nbdinfo', guess)).code).not.toBe(0);
      }
      expect(log).toHaveLength(2);
      expect(log[0]).toMatch(/^a client is cut off: TidemarkError: TLS failed: /u);
      expect(await run('nbdinfo', '--size', uri('alice'))).toBe(`${8 * MIB}\n`);
    });

    it('turns away who does not speak TLS', async () => {
      const { port } = await serve({ type: 'x509', dir: ours.dir });
      const plain = await sh('nbdinfo', `nbd://localhost:${port}/exp`);
      expect(plain.code).not.toBe(0);
      const qemu = await sh('qemu-img', 'info', `nbd://localhost:${port}/exp`);
      expect(qemu.stderr).toMatch(/not permitted before TLS/u);
    });

    it('turns away certificates of another authority, and none', async () => {
      const { port, log } = await serve({ type: 'x509', dir: ours.dir });
      const anyServer = 'tls-verify-peer=0';
      const foreign = `tls-certificates=${encodeURIComponent(others.dir)}&${anyServer}`;
      expect((await sh('nbdinfo', `nbds://localhost:${port}/exp?${foreign}`)).code).not.toBe(0);
      expect((await sh('nbdinfo', `nbds://localhost:${port}/exp?${anyServer}`)).code).not.toBe(0);
      expect(log).toHaveLength(2);
      expect(log.every((line) => line.includes('TLS failed'))).toBe(true);
    });

    it('lets any client in where they need not prove who they are', async () => {
      const { port } = await serve({ type: 'x509', dir: ours.dir, verifyPeer: false });
      const uri = `nbds://localhost:${port}/exp?tls-verify-peer=0`;
      expect(await run('nbdinfo', '--size', uri)).toBe(`${8 * MIB}\n`);
    });

    it('lets in only those on its list, by the name that QEMU has for them', async () => {
      const asked: string[] = [];
      const allows = (wanted: string) => (name: string) => {
        asked.push(name);
        return name === wanted;
      };
      const x509 = { type: 'x509', dir: ours.dir } as const;
      const listed = await serve({ ...x509, allows: allows(ours.clientName) });
      expect(await run('nbdinfo', '--size', listed.nbds)).toBe(`${8 * MIB}\n`);
      const unlisted = await serve({ ...x509, allows: allows('CN=somebody') });
      expect((await sh('nbdinfo', unlisted.nbds)).code).not.toBe(0);
      expect(asked).toEqual([ours.clientName, ours.clientName]);
      expect(unlisted.log[0]).toContain(`the client '${ours.clientName}' is not on the list`);

      const shared = await serve({ type: 'psk', dir: join(dir, 'keys'), allows: allows('bob') });
      const uri = `nbds://alice@localhost:${shared.port}/exp?tls-psk-file=${encodeURIComponent(keys)}`;
      expect((await sh('nbdinfo', uri)).code).not.toBe(0);
      expect(asked.at(-1)).toBe('alice');
    });

    it('names clients as QEMU does', async () => {
      const image = join(dir, 'source.raw');
      await run('qemu-img', 'create', '-q', '-f', 'raw', image, '8M');
      for (const [identity, isLetIn] of [
        [ours.clientName, true],
        ['CN=somebody', false],
      ] as const) {
        const socket = join(dir, `qemu-${String(isLetIn)}`);
        const pid = join(dir, 'pid');
        const escaped = identity.replaceAll(',', ',,');
        await run(
          'qemu-nbd',
          ...['--object', `tls-creds-x509,id=t,endpoint=server,dir=${ours.dir},verify-peer=yes`],
          ...['--object', `authz-simple,id=a,identity=${escaped}`, '--tls-creds', 't'],
          ...['--tls-authz', 'a', '-t', '--fork', '--pid-file', pid, '-k', socket],
          ...['-f', 'raw', '-x', 'exp', image],
        );
        ends.push(async () => void process.kill(Number(readFileSync(pid, 'utf8'))));
        const query = `tls-certificates=${encodeURIComponent(ours.dir)}&socket=${socket}`;
        const uri = `nbds+unix:///exp?${query}`;
        expect((await sh('nbdinfo', '--size', uri)).code === 0).toBe(isLetIn);
        await ends.pop()?.();
      }
    });

    it('listens on a unix socket too, and where other machines can reach it', async () => {
      const path = join(dir, 'socket');
      const x509 = { type: 'x509', dir: ours.dir } as const;
      await serve(x509, { address: { type: 'unix', path } });
      const query = `tls-certificates=${encodeURIComponent(ours.dir)}`;
      expect(await run('nbdinfo', '--size', `nbds+unix:///exp?socket=${path}&${query}`)).toBe(
        `${8 * MIB}\n`,
      );
      const open = await serve(x509, { address: { type: 'inet', host: '0.0.0.0', port: 0 } });
      expect(await run('nbdinfo', '--size', open.nbds)).toBe(`${8 * MIB}\n`);
    });

    it('does not start with credentials that are of no use', async () => {
      await expect(serve({ type: 'x509', dir: join(dir, 'none') })).rejects.toMatchObject({
        code: 'FILE_NOT_FOUND',
      });
      await expect(serve({ type: 'psk', dir: ours.dir })).rejects.toMatchObject({
        code: 'FILE_NOT_FOUND',
      });
      const mixed = await makeCertificates(join(dir, 'mixed'));
      await run('cp', join(others.dir, 'server-key.pem'), mixed.dir);
      await expect(serve({ type: 'x509', dir: mixed.dir })).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('cannot be used'),
      });
      makeSharedKeys(join(dir, 'bad'), { alice: 'xyz' });
      await expect(serve({ type: 'psk', dir: join(dir, 'bad') })).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('line 1'),
      });
      const unproven = { verifyPeer: false, allows: () => true };
      await expect(serve({ type: 'x509', dir: ours.dir, ...unproven })).rejects.toMatchObject({
        code: 'USAGE',
      });
    });
  },
);
