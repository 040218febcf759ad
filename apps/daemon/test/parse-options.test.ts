import { isTidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../src/options/parse-options.ts';

function problemOf(...args: readonly string[]): string {
  try {
    parseOptions(args);
  } catch (error) {
    if (!isTidemarkError(error, 'USAGE')) throw error;
    if (error.context.hint === undefined) throw new Error('it has no hint', { cause: error });
    return error.message;
  }
  throw new Error(`${args.join(' ')} was taken`);
}

describe('-drive', () => {
  it('takes a file with its format, id and switches', () => {
    const { drives } = parseOptions([
      '-drive',
      'file=/vm/a.raw,format=raw,id=a,read-only=on,export=off',
    ]);
    expect(drives).toEqual([
      {
        id: 'a',
        source: { kind: 'file', path: '/vm/a.raw', format: 'raw' },
        readOnly: true,
        exported: false,
        durability: undefined,
        onTrackingError: 'stop',
        trackingBound: undefined,
      },
    ]);
  });

  it('is found, written and exported by default, under its place in the order', () => {
    const { drives } = parseOptions(['-drive', 'file=a', '-drive', 'file=b']);
    expect(drives.map(({ id }) => id)).toEqual(['drive0', 'drive1']);
    expect(drives[0]).toMatchObject({
      readOnly: false,
      exported: true,
      source: { format: undefined },
    });
  });

  it('takes one dash, two, and an equals sign', () => {
    const forms = [['-drive', 'file=a'], ['--drive', 'file=a'], ['--drive=file=a']];
    for (const form of forms) expect(parseOptions(form).drives).toHaveLength(1);
  });

  it('takes a doubled comma for one in a value', () => {
    const { drives } = parseOptions(['-drive', 'file=/vm/a,,b=c.raw,id=x']);
    expect(drives[0]?.source).toMatchObject({ path: '/vm/a,b=c.raw' });
    expect(parseOptions(['-drive', 'file=,,,,']).drives[0]?.source).toMatchObject({ path: ',,' });
  });

  it('takes how much its bitmaps may call dirty too much', () => {
    const { drives } = parseOptions(['-drive', 'file=a,tracking-bound=64M']);
    expect(drives[0]?.trackingBound).toBe(64 * 2 ** 20);
    expect(problemOf('-drive', 'file=a,tracking-bound=much')).toContain('much');
  });

  it('takes a drive in memory', () => {
    const { drives } = parseOptions(['-drive', 'driver=memory,size=1G,id=m']);
    expect(drives[0]?.source).toEqual({ kind: 'memory', size: 2 ** 30 });
  });

  it.each([
    ['file=a,file=b', "-drive: 'file' is given twice"],
    ['fil=a', "-drive: unknown key 'fil'"],
    ['file', "-drive: 'file' has no value"],
    ['id=a', "-drive: 'file=' is missing"],
    ['file=', "-drive: 'file=' is missing"],
    ['file=a,format=vmdk', "-drive: 'format=vmdk' is not known"],
    ['file=a,driver=raw,format=qcow2', "-drive: 'driver=raw' and 'format=qcow2' differ"],
    ['file=a,read-only=maybe', "-drive: 'read-only=maybe' is not known"],
    ['file=a,read-only=toString', "-drive: 'read-only=toString' is not known"],
    ['file=a,size=1G', "-drive: 'size=' goes with driver=memory only"],
    ['driver=memory', "-drive: 'size=' is missing"],
    ['driver=memory,size=1G,file=a', "-drive: 'file=' does not go with driver=memory"],
    ['file=a,durability=ever', "-drive: 'durability=ever' is not known"],
    ['file=a,id=7', "-drive: 'id=7' is not an id"],
    ['file=a,id=a b', "-drive: 'id=a b' is not an id"],
  ])('refuses %s', (text, problem) => {
    expect(problemOf('-drive', text)).toBe(problem);
  });

  it('refuses an id that another drive has', () => {
    expect(problemOf('-drive', 'file=a,id=x', '-drive', 'file=b,id=x')).toBe(
      "-drive: the id 'x' is given twice",
    );
  });
});

describe('-dirty-bitmap', () => {
  it('loads an existing bitmap as it is unless told otherwise', () => {
    const { bitmaps } = parseOptions(['-dirty-bitmap', 'name=n']);
    expect(bitmaps).toEqual([
      {
        name: 'n',
        file: undefined,
        fileId: undefined,
        drive: undefined,
        granularity: undefined,
        enabled: undefined,
        create: false,
        persistent: true,
      },
    ]);
  });

  it('takes every key', () => {
    const text =
      'name=n,file=s.qcow2,file_id=f,drive=d,granularity=4k,enabled=off,create=on,persistent=on';
    expect(parseOptions(['-dirty-bitmap', text]).bitmaps[0]).toEqual({
      name: 'n',
      file: 's.qcow2',
      fileId: 'f',
      drive: 'd',
      granularity: 4096,
      enabled: false,
      create: true,
      persistent: true,
    });
  });

  it('takes node= and drive= alike', () => {
    const [a, b] = parseOptions([
      ...['-dirty-bitmap', 'name=n,node=d'],
      ...['-dirty-bitmap', 'name=n,drive=d,node=d'],
    ]).bitmaps;
    expect([a?.drive, b?.drive]).toEqual(['d', 'd']);
  });

  it.each([
    ['file=s', "-dirty-bitmap: 'name=' is missing"],
    ['name=', "-dirty-bitmap: 'name=' is missing"],
    ['name=n,node=a,drive=b', "-dirty-bitmap: 'node=a' and 'drive=b' differ"],
    ['name=n,granularity=many', "'many' is not a size"],
    ['name=n,enabled=2', "-dirty-bitmap: 'enabled=2' is not known"],
    ['name=n,sidecar=a', "-dirty-bitmap: unknown key 'sidecar'"],
  ])('refuses %s', (text, problem) => {
    expect(problemOf('-dirty-bitmap', text)).toBe(problem);
  });
});

describe('sockets', () => {
  it("take qemu-storage-daemon's grammar", () => {
    const unix = parseOptions(['--nbd-server', 'addr.type=unix,addr.path=/run/a.sock']);
    const plain = { tls: undefined, exposed: false, limits: {} };
    const address = { type: 'unix', path: '/run/a.sock' };
    expect(unix.nbdServer).toEqual({ ...plain, address });
    const inet = parseOptions([
      '--nbd-server',
      'addr.type=inet,addr.host=127.0.0.1,addr.port=10809',
    ]);
    const local = { type: 'inet', host: '127.0.0.1', port: 10_809 };
    expect(inet.nbdServer).toEqual({ ...plain, address: local });
    const { steps } = parseOptions(['--qmp', 'unix:/run/q.sock,server=on,wait=off']);
    expect(steps).toEqual([{ kind: 'monitor', path: '/run/q.sock' }]);
  });

  it('have limits, a mode, and TLS by the objects that they name', () => {
    const path = 'addr.type=unix,addr.path=/a,addr.mode=0660';
    const limits = 'max-connections=0,max-requests=4,max-bytes=1M,handshake-seconds=3';
    expect(parseOptions(['--nbd-server', `${path},${limits}`]).nbdServer).toMatchObject({
      address: { type: 'unix', path: '/a', mode: 0o660 },
      limits: { clients: 2 ** 31 - 1, requests: 4, bytes: 2 ** 20, handshake: 3000 },
    });
    const { nbdServer } = parseOptions([
      ...['--object', 'tls-creds-x509,id=t,endpoint=server,dir=/certs,,1,verify-peer=on'],
      ...['--object', 'authz-simple,id=a,identity=O=Example,,CN=client'],
      ...['--nbd-server', 'addr.type=inet,addr.host=0.0.0.0,addr.port=1,tls-creds=t,tls-authz=a'],
    ]);
    expect(nbdServer).toMatchObject({
      address: { host: '0.0.0.0' },
      tls: { type: 'x509', dir: '/certs,1', verifyPeer: true },
    });
    expect(nbdServer?.tls?.allows?.('O=Example,CN=client')).toBe(true);
    expect(nbdServer?.tls?.allows?.('O=Example,CN=other')).toBe(false);
    const open = 'addr.type=inet,addr.host=::,addr.port=1,exposed=on';
    expect(parseOptions(['--nbd-server', open]).nbdServer).toMatchObject({ exposed: true });
  });

  it.each([
    [
      '--nbd-server',
      'addr.type=unix,addr.path=/a,addr.mode=9',
      "--nbd-server: 'addr.mode=9' is not a mode",
    ],
    ['--nbd-server', 'addr.type=unix,addr.path=/a,tls-creds=t', "there are no TLS credentials 't'"],
    [
      '--nbd-server',
      'addr.type=unix,addr.path=/a,tls-authz=t',
      'a list of names goes with TLS only',
    ],
    ['--nbd-server', 'addr.path=/a', "--nbd-server: 'addr.type=' is missing"],
    ['--nbd-server', 'addr.type=vsock', "--nbd-server: 'addr.type=vsock' is not known"],
    ['--nbd-server', 'addr.type=unix', "--nbd-server: 'addr.path=' is missing"],
    [
      '--nbd-server',
      'addr.type=inet,addr.host=127.0.0.1,addr.port=99999',
      "--nbd-server: 'addr.port=99999' is not a port",
    ],
    [
      '--nbd-server',
      'addr.type=inet,addr.host=0.0.0.0,addr.port=1',
      "--nbd-server: 'addr.host=0.0.0.0' is not a loopback address",
    ],
    ['--qmp', 'tcp:localhost:1', "--qmp: 'tcp:localhost:1' is not an address"],
    ['--qmp', 'unix:', "--qmp: 'unix:' is not an address"],
  ])('refuse %s %s', (option, value, problem) => {
    expect(problemOf(option, value)).toBe(problem);
  });

  it('are refused where one is given twice', () => {
    const qmp = ['--qmp', 'unix:/a', '--qmp', 'unix:/b'];
    expect(problemOf(...qmp)).toBe('--qmp is given twice');
    const nbd = ['--nbd-server', 'addr.type=unix,addr.path=/a'];
    expect(problemOf(...nbd, ...nbd)).toBe('--nbd-server is given twice');
  });

  it('are refused where an option is not known or stands alone', () => {
    expect(problemOf('--bogus', 'x')).toContain("'--bogus'");
    expect(problemOf('vm.qcow2')).toContain("'vm.qcow2'");
    expect(problemOf('-drive')).toContain('drive');
  });
});
