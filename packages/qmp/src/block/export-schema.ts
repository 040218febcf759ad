import * as v from 'valibot';
import { isJsonObject } from '../json/json-value.ts';
import { anyWith, choice, members, type Never, stringOr, uint32 } from '../schema.ts';

const NamedBitmap = members({ node: v.string(), name: v.string() });

const unixData = members({
  path: v.string(),
  abstract: v.exactOptional(v.boolean()),
  tight: v.exactOptional(v.boolean()),
});
const inetData = members({
  host: v.string(),
  port: v.string(),
  numeric: v.exactOptional(v.boolean()),
  to: v.exactOptional(uint32),
  ipv4: v.exactOptional(v.boolean()),
  ipv6: v.exactOptional(v.boolean()),
  'keep-alive': v.exactOptional(v.boolean()),
  mptcp: v.exactOptional(v.boolean()),
});
const UnixAddress = members({ type: v.literal('unix'), data: unixData });
const InetAddress = members({ type: v.literal('inet'), data: inetData });

/** qapi SocketAddressLegacy. */
const Address = v.lazy((value): typeof UnixAddress | typeof InetAddress | Never => {
  const type = isJsonObject(value) ? value['type'] : undefined;
  if (type === 'unix') return UnixAddress;
  return type === 'inet' ? InetAddress : anyWith('type', ['inet', 'unix']);
});

export const NbdServerStart = members({
  addr: Address,
  'tls-creds': v.exactOptional(v.string()),
  'tls-authz': v.exactOptional(v.string()),
  'max-connections': v.exactOptional(uint32),
});

/** qapi NbdServerAddOptions. */
export const NbdServerAdd = members({
  device: v.string(),
  name: v.exactOptional(v.string()),
  description: v.exactOptional(v.string()),
  writable: v.exactOptional(v.boolean()),
  bitmap: v.exactOptional(v.string()),
});

/** qapi BlockExportOptions, of the one type that there is. */
export const ExportOptions = members({
  type: choice(['nbd']),
  id: v.string(),
  'fixed-iothread': v.exactOptional(v.boolean()),
  iothread: v.exactOptional(v.string()),
  'node-name': v.string(),
  writable: v.exactOptional(v.boolean()),
  writethrough: v.exactOptional(v.boolean()),
  name: v.exactOptional(v.string()),
  description: v.exactOptional(v.string()),
  bitmaps: v.exactOptional(v.array(stringOr('BlockDirtyBitmapOrStr', NamedBitmap))),
  'allocation-depth': v.exactOptional(v.boolean()),
});

export const RemoveMode = choice(['safe', 'hard']);
