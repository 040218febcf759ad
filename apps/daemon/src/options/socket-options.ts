import { TidemarkError } from '@tidemark/core';
import { KeyValues } from './key-values.ts';

export type SocketAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'inet'; readonly host: string; readonly port: number };

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];
const KEYS = ['addr.type', 'addr.path', 'addr.host', 'addr.port'];

/** `--nbd-server`, in qemu-storage-daemon's grammar. */
export function parseNbdServerOption(text: string): SocketAddress {
  const values = new KeyValues('--nbd-server', text, KEYS);
  const type = values.oneOf('addr.type', { unix: 'unix', inet: 'inet' } as const);
  if (type === 'unix') return { type, path: values.required('addr.path') };
  if (type === undefined) throw values.error("'addr.type=' is missing", 'use unix or inet');
  const host = values.required('addr.host');
  const port = Number(values.required('addr.port'));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw values.error(`'addr.port=${port}' is not a port`, 'use a number from 0 to 65535');
  }
  if (!LOOPBACK.includes(host)) {
    throw values.error(
      `'addr.host=${host}' is not a loopback address`,
      'without TLS drives are served on this machine only: use 127.0.0.1, ::1 or a unix socket',
    );
  }
  return { type, host, port };
}

/** `--qmp unix:PATH`; QEMU's `,server=on,wait=off` behind it changes nothing and is accepted. */
export function parseQmpOption(text: string): string {
  const [address = '', ...flags] = text.split(',');
  const accepted = ['server', 'server=on', 'wait=off', 'nowait'];
  const path = address.startsWith('unix:') ? address.slice('unix:'.length) : '';
  if (path !== '' && flags.every((flag) => accepted.includes(flag))) return path;
  throw new TidemarkError('USAGE', `--qmp: '${text}' is not an address`, {
    hint: 'use --qmp unix:PATH',
  });
}
