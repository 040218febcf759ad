import { parseSize } from '@tidemark/program';
import { jsonFlag } from './flags.ts';

/** Flags of the commands that look at an image itself, and not at what it holds. */
export const imagePositional = {
  brief: 'path of the qcow2 image, or of a sidecar',
  placeholder: 'IMAGE',
  parse: String,
} as const;

export interface ImageFlags {
  readonly json?: boolean;
  readonly memory?: number;
}

export const imageFlags = {
  json: jsonFlag,
  memory: {
    kind: 'parsed',
    parse: parseSize,
    brief: 'memory that may be used for counting references; when left out, 1G',
    placeholder: 'SIZE',
    optional: true,
  },
} as const;
