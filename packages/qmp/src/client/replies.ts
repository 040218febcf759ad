import * as v from 'valibot';

// What queries return, as far as our programs look at it. Servers may tell more.

const QmpBitmapReply = v.looseObject({
  /** Absent: made for a job. */
  name: v.optional(v.string()),
  /** Bytes. */
  count: v.number(),
  /** Bytes. */
  granularity: v.number(),
  recording: v.boolean(),
  busy: v.boolean(),
  persistent: v.boolean(),
  inconsistent: v.optional(v.boolean(), false),
  /** 32 hexadecimal digits. */
  'x-tidemark-checkpoint': v.optional(v.string()),
});

export const QmpNodeReply = v.looseObject({
  'node-name': v.string(),
  drv: v.string(),
  file: v.string(),
  ro: v.boolean(),
  /** Of our daemon: absolute, without symbolic links. */
  'x-tidemark-path': v.optional(v.string()),
  image: v.looseObject({
    'virtual-size': v.number(),
    'actual-size': v.optional(v.number()),
    'cluster-size': v.optional(v.number()),
  }),
  'dirty-bitmaps': v.optional(v.array(QmpBitmapReply), []),
});

export const QmpExportReply = v.looseObject({
  id: v.string(),
  type: v.string(),
  'node-name': v.string(),
  'shutting-down': v.boolean(),
});

export const QmpJobReply = v.looseObject({
  id: v.string(),
  type: v.string(),
  status: v.string(),
  /** Bytes. */
  'current-progress': v.number(),
  /** Bytes. */
  'total-progress': v.number(),
  error: v.optional(v.string()),
});

export const QmpVersionReply = v.looseObject({
  qemu: v.looseObject({ major: v.number(), minor: v.number(), micro: v.number() }),
  package: v.string(),
});

export const QmpAddressReply = v.variant('type', [
  v.looseObject({ type: v.literal('unix'), path: v.string() }),
  v.looseObject({ type: v.literal('inet'), host: v.string(), port: v.string() }),
]);

export const QmpHandOverReply = v.looseObject({
  node: v.string(),
  role: v.string(),
  status: v.string(),
  reason: v.optional(v.string()),
});
