import { isTidemarkError } from '@tidemark/core';
import { parseNbdUri } from '@tidemark/nbd';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const inet = (host: string, port = 10_809) => ({ type: 'inet', host, port });
const unix = (path: string) => ({ type: 'unix', path });

describe('an NBD URI', () => {
  it.each([
    ['nbd://example.com', inet('example.com'), ''],
    ['nbd://example.com/', inet('example.com'), ''],
    ['nbd://example.com/disk', inet('example.com'), 'disk'],
    ['nbd://example.com//disk', inet('example.com'), '/disk'],
    ['nbd://example.com/a/../b', inet('example.com'), 'a/../b'],
    ['nbd://example.com/hello%20world', inet('example.com'), 'hello world'],
    ['nbd://example.com/a+b', inet('example.com'), 'a+b'],
    ['nbd://example.com/%C3%A4%3F%23%2F', inet('example.com'), 'ä?#/'],
    ['NBD://example.com:7/disk', inet('example.com', 7), 'disk'],
    ['nbd://example.com:/disk', inet('example.com'), 'disk'],
    ['nbd://127.0.0.1:65535', inet('127.0.0.1', 65_535), ''],
    ['nbd://[::1]/disk', inet('::1'), 'disk'],
    ['nbd://[2001:db8::7]:99/disk', inet('2001:db8::7', 99), 'disk'],
    ['nbd+unix:///?socket=/run/a.sock', unix('/run/a.sock'), ''],
    ['nbd+unix://?socket=relative.sock', unix('relative.sock'), ''],
    ['nbd+unix:///disk?socket=/run/a%20b%26c.sock', unix('/run/a b&c.sock'), 'disk'],
    ['nbd+unix:///disk?socket=/a=b', unix('/a=b'), 'disk'],
    ['nbd+unix:////abs?socket=x', unix('x'), '/abs'],
  ])('%s is read as the specification says', (text, address, exportName) => {
    expect(parseNbdUri(text)).toEqual({ text, address, exportName });
  });

  it.each([
    ['', 'it is not SCHEME'],
    ['disk.raw', 'it is not SCHEME'],
    ['nbd:unix:/run/a.sock', 'it is not SCHEME'],
    ['http://example.com/', "'http' is not a scheme"],
    ['nbd+tcp://example.com/', "'nbd+tcp' is not a scheme"],
    ['nbd:///disk', 'the host is missing'],
    ['nbd://:10809/disk', 'the host is missing'],
    ['nbd://example.com:0/disk', '0 is not a port'],
    ['nbd://example.com:65536/disk', '65536 is not a port'],
    ['nbd://example.com:port/disk', 'is not HOST[:PORT]'],
    ['nbd://::1/disk', 'is not HOST[:PORT]'],
    ['nbd://[::1/disk', 'is not HOST[:PORT]'],
    ['nbd://[example.com]/disk', 'is not an IPv6 address'],
    ['nbd://user@example.com/disk', 'a user name'],
    ['nbd://example.com/100%', "has a '%'"],
    ['nbd://example.com/%zz', "has a '%'"],
    ['nbd://example.com/%ff', "has a '%'"],
    ['nbd://example.com/a%00b', 'no NUL'],
    [`nbd://example.com/${'x'.repeat(4097)}`, 'at most 4096 bytes'],
    ['nbd://example.com/disk#part', "a '#'"],
    ['nbd://example.com/disk?tls-type=psk', "'tls-type' is for nbds:// only"],
    ['nbds://example.com/disk?tls-type=anon', 'use x509 or psk'],
    ['nbds://example.com/disk?tls-type=x', "'tls-type=x' is not one of"],
    ['nbds://example.com/disk?tls-type=psk', "'tls-psk-file=PATH' is missing"],
    ['nbds://example.com/?tls-type=x509&tls-psk-file=a', "'tls-psk-file' is for psk only"],
    ['nbds://example.com/?tls-psk-file=a&tls-hostname=b', "'tls-hostname' is for x509 only"],
    ['nbds://example.com/?tls-verify-peer=no', "'tls-verify-peer=no' is not 0 or 1"],
    ['nbd+unix://me@/?socket=a', 'with TLS only'],
    ['nbd://example.com/disk?socket=/run/a.sock', "'socket' is for nbd+unix"],
    ['nbd+unix:///disk', "'socket=PATH' is missing"],
    ['nbd+unix:///disk?socket=', "'socket=PATH' is missing"],
    ['nbd+unix:///disk?socket=a&socket=b', "'socket' is given twice"],
    ['nbd+unix:///disk?socket=a&sockte=b', "'sockte' is not a parameter"],
    ['nbd+unix://host/disk?socket=a', 'a socket has no host'],
    ['nbd+unix:///disk?socket=%00abstract', 'without NUL'],
  ])('%s is refused, and told why', (text, why) => {
    expect(() => parseNbdUri(text)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringContaining(why),
        context: { where: text, hint: expect.stringContaining('nbd://HOST') },
      }),
    );
  });

  it('asks for TLS, and for what it is told', () => {
    const usual = { type: 'x509', hostname: 'example.com', verifyPeer: true };
    expect(parseNbdUri('nbds://example.com/disk').tls).toEqual(usual);
    expect(parseNbdUri('NBDS+unix:///?socket=a').tls).toEqual({ ...usual, hostname: 'localhost' });
    const query = 'tls-certificates=%2Fc&tls-hostname=other&tls-verify-peer=0';
    expect(parseNbdUri(`nbds://example.com/?${query}`).tls).toEqual({
      type: 'x509',
      certificates: '/c',
      hostname: 'other',
      verifyPeer: false,
    });
    expect(parseNbdUri('nbds+unix://al%40ce@/?socket=a&tls-psk-file=keys').tls).toEqual({
      type: 'psk',
      keyFile: 'keys',
      username: 'al@ce',
    });
    expect(parseNbdUri('nbd://example.com/disk').tls).toBeUndefined();
  });

  it('is refused as not supported for vsock', () => {
    expect(() => parseNbdUri('nbds+vsock://2/')).toThrow(
      expect.objectContaining({ code: 'DEVICE_UNSUPPORTED' }),
    );
  });

  it('gives back any export name and path that were percent-encoded', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 100 }).filter((s) => !s.includes('\0'));
    fc.assert(
      fc.property(name, name, (exportName, file) => {
        const socket = encodeURIComponent(`/${file}`);
        const uri = parseNbdUri(`nbd+unix:///${encodeURIComponent(exportName)}?socket=${socket}`);
        expect(uri).toMatchObject({ exportName, address: unix(`/${file}`) });
      }),
    );
  });

  it('that is anything at all is either parsed or refused with a code', () => {
    const characters = 'n b d + u i x : / [ ] ? # % @ & = s o c k e t 0 a ä'.split(' ');
    const soup = fc.string({ unit: fc.constantFrom(' ', '\n', ...characters) });
    fc.assert(
      fc.property(soup, (tail) => {
        expect(outcomeOf(`nbd${tail}`)).toMatch(/^(inet|unix|USAGE|DEVICE_UNSUPPORTED)$/);
      }),
    );
  });
});

function outcomeOf(text: string): unknown {
  try {
    return parseNbdUri(text).address.type;
  } catch (error) {
    return isTidemarkError(error) ? error.code : error;
  }
}
