import { KeyValues } from '@tidemark/program';

/** One `-dirty-bitmap`. */
export interface BitmapOption {
  readonly name: string;
  /** Path of a sidecar. */
  readonly file: string | undefined;
  /** The name that one option gives `file`, and the others use in its place. */
  readonly fileId: string | undefined;
  /** Id of a `-drive`. */
  readonly drive: string | undefined;
  /** Bytes. */
  readonly granularity: number | undefined;
  readonly enabled: boolean | undefined;
  readonly create: boolean;
  readonly persistent: boolean;
}

const KEYS = [
  'name',
  'file',
  'file_id',
  'node',
  'drive',
  'granularity',
  'enabled',
  'create',
  'persistent',
];

export function parseBitmapOption(text: string): BitmapOption {
  const values = new KeyValues('-dirty-bitmap', text, KEYS);
  const node = values.text('node');
  const drive = values.text('drive');
  if (node !== undefined && drive !== undefined && node !== drive) {
    throw values.error(`'node=${node}' and 'drive=${drive}' differ`, 'give one of them');
  }
  return {
    name: values.required('name'),
    file: values.text('file'),
    fileId: values.text('file_id'),
    drive: node ?? drive,
    granularity: values.size('granularity'),
    enabled: values.flag('enabled'),
    create: values.flag('create') ?? false,
    persistent: values.flag('persistent') ?? true,
  };
}
