import * as v from 'valibot';
import { isJsonObject } from '../json/json-value.ts';
import { anyWith, choice, int64, members, type Never, stringOr, uint32 } from '../schema.ts';

// qapi/block-core.json, "BlockdevOptions". What has no effect here is checked all the same.

const text = v.exactOptional(v.string());
const flag = v.exactOptional(v.boolean());
const whole = v.exactOptional(int64);

const common = {
  'node-name': text,
  discard: v.exactOptional(choice(['ignore', 'unmap'])),
  cache: v.exactOptional(members({ direct: flag, 'no-flush': flag })),
  'read-only': flag,
  'auto-read-only': flag,
  'force-share': flag,
  'detect-zeroes': v.exactOptional(choice(['off', 'on', 'unmap'])),
};

const tracking = {
  'x-tidemark-durability': v.exactOptional(choice(['live', 'close'])),
  'x-tidemark-on-tracking-error': v.exactOptional(choice(['stop', 'report', 'drop'])),
  'x-tidemark-tracking-bound': whole,
};

const file = {
  filename: v.string(),
  'pr-manager': text,
  locking: v.exactOptional(choice(['auto', 'on', 'off'])),
  aio: v.exactOptional(choice(['threads', 'native', 'io_uring'])),
  'aio-max-batch': whole,
  'drop-cache': flag,
};

const qcow2Tuning = {
  'lazy-refcounts': flag,
  'pass-discard-request': flag,
  'pass-discard-snapshot': flag,
  'pass-discard-other': flag,
  'overlap-check': v.exactOptional(choice(['none', 'constant', 'cached', 'all'])),
  'cache-size': whole,
  'l2-cache-size': whole,
  'l2-cache-entry-size': whole,
  'refcount-cache-size': whole,
  'cache-clean-interval': whole,
};

const unixServer = members({
  type: v.literal('unix'),
  path: v.string(),
  abstract: flag,
  tight: flag,
});
const inetServer = members({
  type: v.literal('inet'),
  host: v.string(),
  port: v.string(),
  numeric: flag,
  to: v.exactOptional(uint32),
  ipv4: flag,
  ipv6: flag,
  'keep-alive': flag,
  mptcp: flag,
});
/** qapi SocketAddress. */
export const SocketAddress = v.lazy((value): typeof unixServer | typeof inetServer | Never => {
  const type = isJsonObject(value) ? value['type'] : undefined;
  if (type === 'unix') return unixServer;
  return type === 'inet' ? inetServer : anyWith('type', ['inet', 'unix']);
});

interface NodeSchemas {
  readonly [driver: string]: v.GenericSchema<unknown, QmpNodeOptions>;
}

type Reference = string | QmpNodeOptions;

const Child: v.GenericSchema<unknown, Reference> = stringOr(
  'BlockdevRef',
  v.lazy(() => NodeOptions),
);
const Backing: v.GenericSchema<unknown, Reference | null> = v.lazy((value) =>
  value === null
    ? v.null()
    : stringOr(
        'BlockdevRefOrNull',
        v.lazy(() => NodeOptions),
      ),
);

const FileNode = members({ driver: v.literal('file'), ...common, ...file, ...tracking });
const HostNode = members({ driver: v.literal('host_device'), ...common, ...file, ...tracking });
const RawNode = members({
  driver: v.literal('raw'),
  ...common,
  file: Child,
  offset: whole,
  size: whole,
  ...tracking,
});
const Qcow2Node = members({
  driver: v.literal('qcow2'),
  ...common,
  file: Child,
  backing: v.exactOptional(Backing),
  ...qcow2Tuning,
  'data-file': v.exactOptional(Child),
  ...tracking,
});
const NbdNode = members({
  driver: v.literal('nbd'),
  ...common,
  server: SocketAddress,
  export: text,
  'tls-creds': text,
  'tls-hostname': text,
  'reconnect-delay': v.exactOptional(uint32),
  'open-timeout': v.exactOptional(uint32),
  ...tracking,
});
const NullNode = members({
  driver: v.literal('null-co'),
  ...common,
  size: whole,
  'latency-ns': whole,
  'read-zeroes': flag,
});
const MemoryNode = members({ driver: v.literal('memory'), ...common, size: int64 });

interface OtherMembers {
  readonly 'node-name'?: string;
  readonly discard?: 'ignore' | 'unmap';
  readonly 'read-only'?: boolean;
  readonly 'auto-read-only'?: boolean;
  readonly 'force-share'?: boolean;
  readonly 'detect-zeroes'?: 'off' | 'on' | 'unmap';
}

/** What blockdev-add takes, as far as it means something here. */
export type QmpNodeOptions =
  | v.InferOutput<typeof FileNode>
  | v.InferOutput<typeof HostNode>
  | v.InferOutput<typeof NbdNode>
  | v.InferOutput<typeof NullNode>
  | v.InferOutput<typeof MemoryNode>
  | (OtherMembers & {
      readonly driver: 'raw';
      readonly file: Reference;
      readonly offset?: number;
      readonly size?: number;
    })
  | (OtherMembers & {
      readonly driver: 'qcow2';
      readonly file: Reference;
      readonly backing?: Reference | null;
      readonly 'data-file'?: Reference;
    });

const schemas: NodeSchemas = {
  file: FileNode,
  host_device: HostNode,
  raw: RawNode,
  qcow2: Qcow2Node,
  nbd: NbdNode,
  'null-co': NullNode,
  memory: MemoryNode,
};

const DRIVERS = ['file', 'host_device', 'raw', 'qcow2', 'nbd', 'null-co', 'memory'] as const;

/** The node that an object describes, and those inside it. */
export const NodeOptions: v.GenericSchema<unknown, QmpNodeOptions> = v.lazy((value) => {
  const driver = isJsonObject(value) ? value['driver'] : undefined;
  const known = typeof driver === 'string' && Object.hasOwn(schemas, driver);
  return known ? schemas[driver]! : anyWith('driver', DRIVERS);
});
