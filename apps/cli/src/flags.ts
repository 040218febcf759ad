import { TidemarkError } from '@tidemark/core';
import { parseSize } from '@tidemark/program';

/** Flags that many commands take, declared once. */
export const jsonFlag = {
  kind: 'boolean',
  brief: 'print JSON',
  optional: true,
  withNegated: false,
} as const;

const formatFlag = {
  kind: 'enum',
  values: ['raw', 'qcow2'],
  brief: 'format of the drive; when left out, what its first bytes say',
  optional: true,
} as const;

const sidecarFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'sidecar of a raw drive, when it is not DRIVE.tidemark.qcow2',
  placeholder: 'FILE',
  optional: true,
} as const;

const checkpointsFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'directory that tells of checkpoints over several drives which a crash has cut off',
  placeholder: 'DIR',
  optional: true,
} as const;

export const forceShareFlag = {
  kind: 'boolean',
  brief: 'look although another program may be writing; what you see may be out of date',
  optional: true,
  withNegated: false,
} as const;

export const granularityFlag = {
  kind: 'parsed',
  parse: parseSize,
  brief: 'bytes of disk to a bit, a power of two from 512 to 2G',
  placeholder: 'SIZE',
  optional: true,
} as const;

export const trackingBoundFlag = {
  kind: 'parsed',
  parse: parseSize,
  brief: 'bytes that a crash may leave dirty beyond what was written; when left out, 32G',
  placeholder: 'SIZE',
  optional: true,
} as const;

export const driveIdFlag = {
  kind: 'parsed',
  parse: parseDriveId,
  brief: 'which drive it is, when its path has changed; when left out, its absolute path',
  placeholder: 'ID',
  optional: true,
} as const;

export const drivePositional = {
  brief: 'path of the drive: a qcow2 image, a raw file or a block device',
  placeholder: 'DRIVE',
  parse: String,
} as const;

/** Where restore points are. */
export const pointsPositional = {
  brief: 'directory of restore points, or a repository',
  placeholder: 'DIRECTORY',
  parse: String,
} as const;

export const namePositional = {
  brief: 'name of the bitmap',
  placeholder: 'NAME',
  parse: String,
} as const;

/** What most commands say about the drive they work on. */
export interface DriveFlags {
  readonly format?: 'raw' | 'qcow2';
  readonly sidecar?: string;
  readonly checkpoints?: string;
}

/** The declarations that go with `DriveFlags` and `--json`. */
export const driveFlags = {
  format: formatFlag,
  sidecar: sidecarFlag,
  checkpoints: checkpointsFlag,
  json: jsonFlag,
} as const;

/** A description with examples under it, as `--help` shows them. */
export function withExamples(description: readonly string[], examples: readonly string[]): string {
  return [...description, '', 'EXAMPLES', ...examples.map((example) => `  ${example}`)].join('\n');
}

/** What a manifest can hold. */
function parseDriveId(text: string): string {
  if (text.length >= 1 && text.length <= 1024) return text;
  throw new TidemarkError('USAGE', `a drive id of ${text.length} characters is not possible`, {
    hint: 'use 1 to 1024 characters',
  });
}
