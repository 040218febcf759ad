import { KeyValues, parseSize } from '@tidemark/program';
import type { TrackingErrorPolicy } from '@tidemark/tracking';

/** One `-drive`. */
export interface DriveOption {
  /** The name of its export, and what other options call it. */
  readonly id: string;
  readonly source:
    | { readonly kind: 'file'; readonly path: string; readonly format: 'raw' | 'qcow2' | undefined }
    | { readonly kind: 'memory'; readonly size: number };
  readonly readOnly: boolean;
  /** Whether NBD clients can see it. */
  readonly exported: boolean;
  /**
   * What a crash leaves of its bitmaps: a superset of the truth, or nothing that can be trusted. Not
   * said: `live` where that can be had.
   */
  readonly durability: 'live' | 'close' | undefined;
  /** What becomes of a write that cannot be marked in live bitmaps. */
  readonly onTrackingError: TrackingErrorPolicy;
  /** Bytes of it that live bitmaps may call dirty beyond what was written. */
  readonly trackingBound: number | undefined;
}

const KEYS = [
  'file',
  'format',
  'id',
  'driver',
  'size',
  'read-only',
  'export',
  'durability',
  'on-tracking-error',
  'tracking-bound',
];
const POLICIES = { stop: 'stop', report: 'report', drop: 'drop' } as const;

/** `index` counts the `-drive` options: one without an id is called `drive` and its index. */
export function parseDriveOption(text: string, index: number): DriveOption {
  const values = new KeyValues('-drive', text, KEYS);
  const id = values.text('id') ?? `drive${index}`;
  if (!/^[A-Za-z][A-Za-z0-9._-]*$/.test(id)) {
    throw values.error(
      `'id=${id}' is not an id`,
      'begin with a letter, go on with letters, digits, - . _',
    );
  }
  return {
    id,
    source: parseSource(values),
    readOnly: values.flag('read-only') ?? false,
    exported: values.flag('export') ?? true,
    durability: values.oneOf('durability', { live: 'live', close: 'close' } as const),
    onTrackingError: values.oneOf('on-tracking-error', POLICIES) ?? 'stop',
    trackingBound: values.size('tracking-bound'),
  };
}

function parseSource(values: KeyValues): DriveOption['source'] {
  // QEMU's own names for the format are taken under `driver` too.
  const driver = values.oneOf('driver', { memory: 'memory', raw: 'raw', qcow2: 'qcow2' } as const);
  const format = values.oneOf('format', { raw: 'raw', qcow2: 'qcow2' } as const);
  if (driver !== 'memory') {
    if (values.text('size') !== undefined) {
      throw values.error("'size=' goes with driver=memory only", 'leave it out');
    }
    if (driver !== undefined && format !== undefined && driver !== format) {
      throw values.error(`'driver=${driver}' and 'format=${format}' differ`, 'give one of them');
    }
    return { kind: 'file', path: values.required('file'), format: format ?? driver };
  }
  for (const key of ['file', 'format']) {
    if (values.text(key) !== undefined) {
      throw values.error(`'${key}=' does not go with driver=memory`, 'leave it out');
    }
  }
  return { kind: 'memory', size: parseSize(values.required('size')) };
}
