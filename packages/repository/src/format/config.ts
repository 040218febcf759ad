import { JsonFields } from '@tidemark/backup/parts';
import { encodeJson, parseJson } from './json.ts';

const FORMAT = 'tidemark-repository';
const VERSION = 1;
const MAX_CONFIG_SIZE = 4096;

/** How blobs are compressed. `none` is for data that is so already. */
export type Compression = 'none' | 'zstd';
/** How all objects but `config` and the keys are encrypted. */
export type Encryption = 'none' | 'aes-256-gcm';

/** What was decided when a repository was made. */
export interface RepositoryConfig {
  /** 32 random hexadecimal digits. */
  readonly id: string;
  readonly compression: Compression;
  readonly encryption: Encryption;
}

export function encodeConfig(config: RepositoryConfig): Uint8Array {
  return encodeJson({ format: FORMAT, version: VERSION, ...config });
}

/** @throws BACKUP_CORRUPT; also for a version that is not known */
export function decodeConfig(bytes: Uint8Array, where: string): RepositoryConfig {
  const fields = new JsonFields(parseJson(bytes, MAX_CONFIG_SIZE, where), where);
  fields.oneOf('format', [FORMAT]);
  fields.oneOf('version', [VERSION]);
  return {
    id: fields.text('id', 32),
    compression: fields.oneOf('compression', ['none', 'zstd'] as const),
    encryption: fields.oneOf('encryption', ['none', 'aes-256-gcm'] as const),
  };
}
