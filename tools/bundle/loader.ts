import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { posix } from 'node:path';
import { keepCompiled } from '@tidemark/program';
import { END, type Packed } from './layout.ts';

declare const PACKED: Packed;

interface Compiling extends Module {
  _compile(text: string, path: string): void;
}

const loaded = new Map<string, Module>();
const requireOther = createRequire(__filename);

/** The text of a file: no other is read. */
function textOf(name: string): string {
  const [offset, length, isDeflated] = PACKED.files[name]!;
  const descriptor = openSync(__filename, 'r');
  try {
    const begin = fstatSync(descriptor).size - END.length - PACKED.length + offset;
    const bytes = Buffer.allocUnsafe(length);
    readSync(descriptor, bytes, 0, length, begin);
    const text = Buffer.from(bytes.toString('latin1'), 'base64');
    if (isDeflated === 0) return text.toString('utf8');
    return process.getBuiltinModule('node:zlib').inflateRawSync(text).toString('utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** Runs a file as a module of its own: as such it is kept compiled. */
function load(name: string): unknown {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const path = `${__filename}#${name}`;
  const made = new Module(path) as Compiling;
  made.filename = path;
  made.require = ((id: string) => {
    const inside = posix.join(posix.dirname(name), id);
    return id.startsWith('.') && inside in PACKED.files ? load(inside) : requireOther(id);
  }) as NodeJS.Require;
  loaded.set(name, made);
  made._compile(textOf(name), path);
  return made.exports;
}

keepCompiled();
load('main.js');
