import { TidemarkError } from '@tidemark/core';
import { jsonFlag } from '../flags.ts';
import type { OutputFlags } from '../output.ts';

/** How a picture is drawn, and where it goes besides the terminal. */
export interface PictureFlags extends OutputFlags {
  readonly svg?: string;
  readonly png?: string;
  readonly colour?: 'auto' | 'always' | 'never';
  readonly columns?: number;
}

export const DEFAULT_COLUMNS = 64;

const fileFlag = {
  kind: 'parsed',
  parse: String,
  placeholder: 'FILE',
  optional: true,
} as const;

export const pictureFlags = {
  json: jsonFlag,
  svg: { ...fileFlag, brief: 'write the picture into this file, as SVG' },
  png: { ...fileFlag, brief: 'write the picture into this file, as PNG' },
  colour: {
    kind: 'enum',
    values: ['auto', 'always', 'never'],
    brief: 'draw with colours; auto, when left out, where the terminal has them',
    optional: true,
  },
  columns: {
    kind: 'parsed',
    parse: parseColumns,
    brief: `cells to a row; when left out, ${DEFAULT_COLUMNS}`,
    placeholder: 'N',
    optional: true,
  },
} as const;

function parseColumns(text: string): number {
  const columns = Number(text);
  if (Number.isInteger(columns) && columns >= 1 && columns <= 1000) return columns;
  throw new TidemarkError('USAGE', `a row cannot have ${text} cells`, { hint: 'use 1 to 1000' });
}
