import { describe, expect, it } from 'vitest';
import { parseObjects, serverTls } from '../src/index.ts';

const usage = (message: string) => expect.objectContaining({ code: 'USAGE', message });

describe('--object', () => {
  it('makes TLS credentials as QEMU does', () => {
    const { credentials } = parseObjects([
      'tls-creds-x509,id=a,dir=/a,endpoint=server,verify-peer=no',
      'tls-creds-psk,id=b,dir=/b',
    ]);
    expect([...credentials]).toEqual([
      ['a', { type: 'x509', dir: '/a', endpoint: 'server', verifyPeer: false, username: 'qemu' }],
      ['b', { type: 'psk', dir: '/b', endpoint: 'client', verifyPeer: true, username: 'qemu' }],
    ]);
  });

  it('makes lists of which the first rule that matches decides', () => {
    const { allowLists } = parseObjects([
      'authz-list,id=l,rules.10.match=CN=*,rules.10.policy=allow,rules.10.format=glob,' +
        'rules.2.match=CN=eve,rules.2.policy=deny,rules.3.match=a.b,rules.3.policy=allow',
      'authz-list,id=open,policy=allow,rules.0.match=x??,rules.0.policy=deny,rules.0.format=glob',
    ]);
    const allows = allowLists.get('l')!;
    const names = ['CN=eve', 'CN=bob', 'CN=', 'a.b', 'acb', 'somebody', 'O=x,CN=bob'];
    expect(names.filter(allows)).toEqual(['CN=bob', 'CN=', 'a.b']);
    expect(['xyz', 'xy', 'xyzz'].filter(allowLists.get('open')!)).toEqual(['xy', 'xyzz']);
  });

  it('takes what is special elsewhere for itself in a glob', () => {
    const match = String.raw`a.b+[c](d)\e^$|{}-*`;
    const { allowLists } = parseObjects([
      `authz-list,id=l,rules.0.match=${match},rules.0.policy=allow,rules.0.format=glob`,
    ]);
    const allows = allowLists.get('l')!;
    expect(allows(match.replace('*', 'anything\nat all'))).toBe(true);
    expect(allows(match.replace('.', 'x'))).toBe(false);
  });

  it.each([
    ['secret,id=a', "--object: 'secret' is not a type of object"],
    ['tls-creds-x509,id=a', "--object tls-creds-x509: 'dir=' is missing"],
    ['tls-creds-x509,dir=a', "--object tls-creds-x509: 'id=' is missing"],
    [
      'tls-creds-psk,id=a,dir=b,verify-peer=on',
      "--object tls-creds-psk: unknown key 'verify-peer'",
    ],
    ['authz-list,id=a,rules.0.match=b', "--object authz-list: 'rules.0.policy=' is missing"],
    ['authz-list,id=a,rules.x.match=b', "--object authz-list: unknown key 'rules.x.match'"],
  ])('refuses %s', (text, problem) => {
    expect(() => parseObjects([text])).toThrow(usage(problem));
  });

  it('refuses an id that is given twice', () => {
    const twice = ['tls-creds-psk,id=a,dir=b', 'authz-simple,id=a,identity=c'];
    expect(() => parseObjects(twice)).toThrow(
      usage("--object authz-simple: the id 'a' is given twice"),
    );
  });
});

describe('the TLS of a server', () => {
  const objects = parseObjects([
    'tls-creds-x509,id=s,dir=/s,endpoint=server',
    'tls-creds-x509,id=c,dir=/c',
    'authz-simple,id=a,identity=me',
  ]);

  it('is that of the objects that are named, or none', () => {
    expect(serverTls(objects, { creds: undefined, authz: undefined })).toBeUndefined();
    const tls = serverTls(objects, { creds: 's', authz: 'a' });
    expect(tls).toMatchObject({ type: 'x509', dir: '/s', verifyPeer: true });
    expect(tls?.allows?.('you')).toBe(false);
  });

  it.each([
    [{ creds: 'x', authz: undefined }, "there are no TLS credentials 'x'"],
    [{ creds: 'c', authz: undefined }, "the TLS credentials 'c' are a client's"],
    [{ creds: 's', authz: 'x' }, "there is no list of names 'x'"],
    [{ creds: undefined, authz: 'a' }, 'a list of names goes with TLS only'],
  ])('is refused by %o', (named, problem) => {
    expect(() => serverTls(objects, named)).toThrow(usage(problem));
  });
});
