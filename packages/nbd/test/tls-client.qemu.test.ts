import { join } from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { connectNbd } from '../src/index.ts';
import { type Certificates, makeCertificates, makeSharedKeys } from './support/certificates.ts';
import {
  qcow2Disk,
  rawDisk,
  startNbdkit,
  startQemuNbd,
  type TestServer,
} from './support/client-servers.ts';
import { pattern } from './support/pattern.ts';

const MIB = 2 ** 20;
const KEY = '00112233445566778899aabbccddeeff';
const SIZE = 16 * MIB;

const encode = encodeURIComponent;

describeWithQemu('a client with TLS', ['qemu-nbd', 'qemu-img', 'nbdkit', 'openssl'], () => {
  const dir = tempDir();
  const servers: TestServer[] = [];
  let ours: Certificates;
  let others: Certificates;
  let keys: string;

  beforeAll(async () => {
    ours = await makeCertificates(join(dir, 'ours'));
    others = await makeCertificates(join(dir, 'others'), 'other');
    keys = makeSharedKeys(join(dir, 'keys'), { alice: KEY });
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  const starts = {
    'qemu-nbd': async (kind: 'x509' | 'psk') => {
      const creds =
        kind === 'x509' ? `dir=${ours.dir},verify-peer=yes` : `dir=${join(dir, 'keys')}`;
      const object = `tls-creds-${kind},id=t,endpoint=server,${creds}`;
      const disk = await rawDisk(dir, SIZE);
      return startQemuNbd(dir, '--object', object, '--tls-creds=t', '-f', 'raw', disk);
    },
    nbdkit: (kind: 'x509' | 'psk') => {
      const tls =
        kind === 'x509'
          ? [`--tls-certificates=${ours.dir}`, '--tls-verify-peer']
          : [`--tls-psk=${keys}`];
      return startNbdkit(dir, '--tls=require', ...tls, 'memory', String(SIZE));
    },
  };

  const uriOf = (server: TestServer, query: string, user = '') =>
    `${server.uri.replace('nbd+unix://', `nbds+unix://${user}`)}&${query}`;

  async function start(name: keyof typeof starts, kind: 'x509' | 'psk'): Promise<TestServer> {
    const server = await starts[name](kind);
    servers.push(server);
    return server;
  }

  async function expectWorks(uri: string): Promise<void> {
    await using device = await connectNbd(uri);
    const bytes = pattern(3 * MIB, 5);
    await device.write(bytes, 5 * MIB);
    await device.flush();
    const target = Buffer.alloc(5 * MIB);
    await device.read(target, 4 * MIB);
    expect(Buffer.compare(target.subarray(MIB, 4 * MIB), bytes)).toBe(0);
    expect(device.size).toBe(SIZE);
  }

  const names = ['qemu-nbd', 'nbdkit'] as const;

  it.each(names)('reads and writes through %s by certificates', async (name) => {
    const server = await start(name, 'x509');
    await expectWorks(uriOf(server, `tls-certificates=${encode(ours.dir)}`));
  });

  it.each(names)('reads and writes through %s by a shared key', async (name) => {
    const server = await start(name, 'psk');
    await expectWorks(uriOf(server, `tls-psk-file=${encode(keys)}`, 'alice@'));
  });

  it.each(names)('is not let in by %s without the right certificate', async (name) => {
    const server = await start(name, 'x509');
    for (const query of [
      'tls-verify-peer=0',
      `tls-verify-peer=0&tls-certificates=${encode(others.dir)}`,
    ]) {
      await expect(connectNbd(uriOf(server, query))).rejects.toMatchObject({
        code: expect.stringMatching(/^(PERMISSION_DENIED|CONNECTION_LOST)$/),
      });
    }
  });

  it.each(names)('does not take %s for a server that it is not', async (name) => {
    const server = await start(name, 'x509');
    const own = `tls-certificates=${encode(ours.dir)}`;
    for (const [query, why] of [
      [`${own}&tls-hostname=example.com`, /Hostname\/IP does not match/],
      [`tls-certificates=${encode(others.dir)}`, /self-signed certificate|unable to (get|verify)/],
      ['tls-hostname=localhost', /self-signed certificate|unable to (get|verify)/],
    ] as const) {
      await expect(connectNbd(uriOf(server, query))).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
        message: expect.stringMatching(why),
      });
    }
    await expectWorks(uriOf(server, `${own}&tls-hostname=127.0.0.1`));
  });

  it.each(names)('does not get into %s by another key', async (name) => {
    const server = await start(name, 'psk');
    const wrong = makeSharedKeys(join(dir, 'wrong'), { alice: 'ab'.repeat(16) });
    const uri = uriOf(server, `tls-psk-file=${encode(wrong)}`, 'alice@');
    await expect(connectNbd(uri)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    const nobody = uriOf(server, `tls-psk-file=${encode(wrong)}`, 'nobody@');
    await expect(connectNbd(nobody)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('wants a server with certificates to know the key', async () => {
    const server = await start('qemu-nbd', 'x509');
    const uri = uriOf(server, `tls-psk-file=${encode(keys)}`, 'alice@');
    await expect(connectNbd(uri)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it('goes on with no server that has no TLS, and with none unencrypted that wants it', async () => {
    const plain = await startQemuNbd(dir, '-f', 'qcow2', await qcow2Disk(dir, SIZE));
    servers.push(plain);
    const uri = uriOf(plain, `tls-certificates=${encode(ours.dir)}`);
    await expect(connectNbd(uri)).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
      message: expect.stringContaining('does not speak TLS'),
    });
    for (const name of names) {
      const secured = await start(name, 'x509');
      await expect(connectNbd(secured.uri)).rejects.toMatchObject({
        code: 'DEVICE_UNSUPPORTED',
        message: expect.stringContaining('wants TLS'),
      });
    }
  });
});
