import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { keptRequire } from '@tidemark/program';
import { END, type Packed } from './layout.ts';

declare const PACKED: Packed;

const INSIDE = `${__filename}#/`;

/** No other file's text is read. */
function fileInside(path: string): Buffer | undefined {
  const place = PACKED.files[path.slice(INSIDE.length)];
  if (place === undefined) return undefined;
  const [offset, length, isDeflated] = place;
  const descriptor = openSync(__filename, 'r');
  try {
    const bytes = Buffer.allocUnsafe(length);
    const begin = fstatSync(descriptor).size - END.length - PACKED.length + offset;
    readSync(descriptor, bytes, 0, length, begin);
    const text = Buffer.from(bytes.toString('latin1'), 'base64');
    return isDeflated === 0 ? text : process.getBuiltinModule('node:zlib').inflateRawSync(text);
  } finally {
    closeSync(descriptor);
  }
}

keptRequire(fileInside, `${INSIDE}loader.js`, require)('./main.js');
