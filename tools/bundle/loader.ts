import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { keptRequire, type ProgramFile } from '@tidemark/program';
import { END, type Packed } from './layout.ts';

declare const PACKED: Packed;

const INSIDE = `${__filename}#/`;

/** No other file's text is read. */
function fileInside(path: string): ProgramFile | undefined {
  const place = PACKED.files[path.slice(INSIDE.length)];
  if (place === undefined) return undefined;
  const [offset, length, isDeflated] = place;
  const descriptor = openSync(__filename, 'r');
  try {
    const { dev, ino, size, ctimeMs } = fstatSync(descriptor);
    const bytes = Buffer.allocUnsafe(length);
    readSync(descriptor, bytes, 0, length, size - END.length - PACKED.length + offset);
    const packed = Buffer.from(bytes.toString('latin1'), 'base64');
    const text =
      isDeflated === 0 ? packed : process.getBuiltinModule('node:zlib').inflateRawSync(packed);
    return { text, stamp: `${dev} ${ino} ${size} ${ctimeMs}` };
  } finally {
    closeSync(descriptor);
  }
}

keptRequire(fileInside, `${INSIDE}loader.js`, require)('./main.js');
