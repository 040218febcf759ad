import type { Mutant } from './mutant.ts';

const drive = (file: string) => `packages/drive/src/bitmap-file/${file}`;
const core = (file: string) => `packages/core/src/bitmap-file/${file}`;

/** Each breaks one rule of bitmaps in a file. */
export const BITMAP_FILE_MUTANTS: readonly Mutant[] = [
  {
    name: 'somebody can vouch for a drive that was written since',
    file: drive('import-bitmaps.ts'),
    find: "(origin.kind === 'unknown' && options.trust)",
    replace: "(origin.kind !== 'same' && options.trust)",
  },
  {
    name: 'a drive that was written since is the same one',
    file: drive('origin.ts'),
    find: 'if (changed === undefined) return',
    replace: 'if (changed === undefined || drive.image === undefined) return',
  },
  {
    name: 'bitmaps of another drive are true of this one',
    file: drive('origin.ts'),
    find: "if (another !== undefined) return { kind: 'unknown', reason: another.reason };",
    replace: "if (another !== undefined) return { kind: 'same' };",
  },
  {
    name: 'what is not known to be true is imported as it is',
    file: drive('import-bitmaps.ts'),
    find: 'const bitmaps = isTrue ? file.bitmaps : file.bitmaps.map(allDirty);',
    replace: 'const bitmaps = isTrue ? file.bitmaps : file.bitmaps.slice();',
  },
];

export const BITMAP_FORMAT_MUTANTS: readonly Mutant[] = [
  {
    name: 'a file is believed whatever its checksum',
    file: core('decode-bitmap-file.ts'),
    find: 'if (digest.equals(file.subarray(end))) return content;',
    replace: 'if (digest.length === 32) return content;',
  },
  {
    name: 'a piece may be shorter than its bits',
    file: core('decode-bitmap-file.ts'),
    find: 'if (bits.length === size) return bits;',
    replace: 'if (bits.length <= size) return bits;',
  },
  {
    name: 'pieces that are all dirty are clean',
    file: core('encode-bitmap-file.ts'),
    find: "found === 'zeros' ? PieceKind.CLEAN : PieceKind.DIRTY",
    replace: "found === 'zeros' ? PieceKind.CLEAN : PieceKind.CLEAN",
  },
];

const node = 'packages/graph/src/nodes/export-bitmaps.ts';

/** Of a drive that is in use. */
export const SERVED_BITMAP_FILE_MUTANTS: readonly Mutant[] = [
  {
    name: 'what was written since a freeze is not in the file',
    file: node,
    find: 'if (info?.frozen !== undefined) {',
    replace: 'if (info === undefined) {',
  },
];
