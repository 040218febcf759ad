import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { QmpClient } from '@tidemark/qmp';
import { afterEach, beforeAll, expect, it } from 'vitest';
import {
  type Certificates,
  makeCertificates,
  makeSharedKeys,
} from '../../../packages/nbd/test/support/certificates.ts';
import { type Daemon, startDaemon } from '../../../tools/programs.ts';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';

const MIB = 2 ** 20;
const KEY = '00112233445566778899aabbccddeeff';

describeWithQemu('tidemarkd with TLS', ['nbdinfo', 'nbdcopy', 'qemu-img', 'openssl'], () => {
  const dir = tempDir();
  const at = (name: string) => join(dir, name);
  let daemon: Daemon | undefined;
  let ours: Certificates;
  let others: Certificates;
  let keys: string;

  beforeAll(async () => {
    ours = await makeCertificates(at('ours'));
    others = await makeCertificates(at('others'), 'other');
    keys = makeSharedKeys(at('keys'), { alice: KEY, bob: 'cd'.repeat(16) });
    writeFileSync(at('disk.raw'), Buffer.alloc(MIB, 7));
  });
  afterEach(async () => {
    await daemon?.stop();
    daemon = undefined;
  });

  /** The port on which it serves. */
  async function serve(type: 'x509' | 'psk', ...more: readonly string[]): Promise<string> {
    const credentials = `tls-creds-${type},id=t,endpoint=server,dir=${type === 'psk' ? at('keys') : ours.dir}`;
    daemon = await startDaemon(
      ...['-drive', `file=${at('disk.raw')},format=raw,id=vm,read-only=on`],
      ...['--object', credentials, ...more.slice(1)],
      ...[
        '--nbd-server',
        `addr.type=inet,addr.host=127.0.0.1,addr.port=0,tls-creds=t${more[0] ?? ''}`,
      ],
    );
    return /127\.0\.0\.1:(\d+)/.exec(daemon.stderr())![1]!;
  }

  const certified = (port: string, { dir: folder }: Certificates, more = '') =>
    `nbds://localhost:${port}/vm?tls-certificates=${encodeURIComponent(folder)}${more}`;
  const keyed = (port: string, name: string, file: string) =>
    `nbds://${name}@localhost:${port}/vm?tls-psk-file=${encodeURIComponent(file)}`;

  it('serves who has a certificate, and nobody else', async () => {
    const port = await serve('x509');
    expect(await run('nbdinfo', '--size', certified(port, ours))).toBe(`${MIB}\n`);
    await run('nbdcopy', certified(port, ours), at('copy.raw'));
    await run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', at('disk.raw'), at('copy.raw'));
    // Of another authority, on either side; and none.
    const refused = [
      certified(port, others),
      certified(port, others, '&tls-verify-peer=0'),
      `nbds://localhost:${port}/vm?tls-verify-peer=0`,
    ];
    for (const uri of refused) expect((await sh('nbdinfo', uri)).code, uri).not.toBe(0);
    expect(await run('nbdinfo', '--size', certified(port, ours))).toBe(`${MIB}\n`);
  });

  it.each(['x509', 'psk'] as const)('tells nothing to who speaks no TLS (%s)', async (type) => {
    const port = await serve(type);
    const plain = await sh('nbdinfo', '--list', `nbd://localhost:${port}`);
    expect(plain.code).not.toBe(0);
    expect(plain.stdout).not.toContain('vm');
    const qemu = await sh('qemu-img', 'info', `nbd://localhost:${port}/vm`);
    expect(qemu.stderr).toMatch(/not permitted before TLS/u);
  });

  it('serves who has a key, and nobody with another', async () => {
    const port = await serve('psk');
    expect(await run('nbdinfo', '--size', keyed(port, 'alice', keys))).toBe(`${MIB}\n`);
    expect(await run('nbdinfo', '--size', keyed(port, 'bob', keys))).toBe(`${MIB}\n`);
    const wrong = makeSharedKeys(at('wrong'), { alice: 'ab'.repeat(16), eve: KEY });
    for (const name of ['alice', 'eve']) {
      expect((await sh('nbdinfo', keyed(port, name, wrong))).code, name).not.toBe(0);
    }
  });

  it('lets in who is on the list, by certificate and by key', async () => {
    const name = ours.clientName.replaceAll(',', ',,');
    const allowed = await serve(
      'x509',
      ',tls-authz=a',
      '--object',
      `authz-simple,id=a,identity=${name}`,
    );
    expect(await run('nbdinfo', '--size', certified(allowed, ours))).toBe(`${MIB}\n`);
    await daemon!.stop();
    const denied = await serve(
      'x509',
      ',tls-authz=a',
      '--object',
      'authz-simple,id=a,identity=CN=x',
    );
    expect((await sh('nbdinfo', certified(denied, ours))).code).not.toBe(0);
    await daemon!.stop();
    const list =
      'authz-list,id=a,policy=deny,rules.0.match=al*,rules.0.format=glob,rules.0.policy=allow';
    const port = await serve('psk', ',tls-authz=a', '--object', list);
    expect(await run('nbdinfo', '--size', keyed(port, 'alice', keys))).toBe(`${MIB}\n`);
    expect((await sh('nbdinfo', keyed(port, 'bob', keys))).code).not.toBe(0);
  });

  it('has nodes that are exports of a server with TLS', async () => {
    const port = await serve('x509');
    const server = `server.type=inet,server.host=localhost,server.port=${port}`;
    const node = `driver=nbd,node-name=far,read-only=on,export=vm,${server}`;
    const client = `tls-creds-x509,id=c,endpoint=client,dir=${ours.dir}`;
    const start = async (blockdev: string) =>
      startDaemon('--object', client, '--blockdev', blockdev, '--qmp', `unix:${at('far.qmp')}`);
    const far = await start(
      `driver=raw,node-name=fmt,read-only=on,file.${node.replaceAll(',', ',file.')},file.tls-creds=c`,
    );
    const qmp = await QmpClient.connect(at('far.qmp'));
    const nodes = await qmp.execute('query-named-block-nodes');
    await qmp.close();
    await far.stop();
    expect(JSON.stringify(nodes)).toContain(`"virtual-size":${MIB}`);
    await expect(start(node)).rejects.toThrow('the server wants TLS');
    await expect(start(`${node},tls-creds=none`)).rejects.toThrow("no TLS credentials 'none'");
    const other = `${node},tls-creds=c,tls-hostname=elsewhere.example`;
    await expect(start(other)).rejects.toThrow('TLS failed');
  });
});
