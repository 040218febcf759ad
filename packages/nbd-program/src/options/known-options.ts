import type { LongOption } from '@tidemark/img';

/** Letters of qemu-nbd; a colon behind one that takes a value. */
export const SHORT = 'hVb:o:p:rsnc:dvk:e:f:tl:x:T:D:AB:L';

/** `=` behind one that takes a value, `:x` behind one that is a letter's. */
const LONG = [
  'help:h',
  'version:V',
  'bind=:b',
  'port=:p',
  'socket=:k',
  'offset=:o',
  'read-only:r',
  'bitmap=:B',
  'connect=:c',
  'disconnect:d',
  'list:L',
  'snapshot:s',
  'load-snapshot=:l',
  'nocache:n',
  'cache=',
  'aio=',
  'discard=',
  'detect-zeroes=',
  'shared=:e',
  'format=:f',
  'persistent:t',
  'verbose:v',
  'object=',
  'export-name=:x',
  'description=:D',
  'tls-creds=',
  'tls-hostname=',
  'tls-authz=',
  'image-opts',
  'trace=:T',
  'fork',
  'pid-file=',
  'selinux-label=',
  'allocation-depth:A',
];

export const LONG_OPTIONS: readonly LongOption[] = LONG.map((text) => {
  const [, name = '', takesValue, key = name] = /^([^=:]+)(=?)(?::(.))?$/.exec(text) ?? [];
  return { name, takesValue: takesValue === '=', key };
});

/** Options whose default is all that there is of them here, with qemu-nbd's word for a bad value. */
export const DEFAULT_ONLY: Readonly<
  Record<string, { readonly only: string; readonly all: readonly string[]; readonly bad: string }>
> = {
  cache: {
    only: 'writeback',
    all: ['none', 'off', 'writeback', 'writethrough', 'directsync', 'unsafe'],
    bad: "Invalid cache mode `%s'",
  },
  aio: { only: 'threads', all: ['native', 'threads', 'io_uring'], bad: "Invalid aio mode '%s'" },
  'detect-zeroes': {
    only: 'off',
    all: ['off', 'on', 'unmap'],
    bad: 'Failed to parse detect_zeroes mode: invalid parameter value: %s',
  },
};

/** Options that this program does not have, by their letter or name. */
export const NOT_OFFERED: Readonly<Record<string, string>> = {
  o: '-o',
  s: '-s',
  l: '-l',
  n: '-n',
  c: '-c',
  d: '-d',
  T: '-T',
  'image-opts': '--image-opts',
  'selinux-label': '--selinux-label',
};
