import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import * as v from 'valibot';

/** `kind start length` and the end of the line: numbers as sixteen hexadecimal digits. Bytes. */
const FRAME_SIZE = 40;
const FRAME = /^(meta|data|zero|stop|comp) ([0-9a-f]{16}) ([0-9a-f]{16})\r\n$/;
const LINE_END = 2;
const MAX_META = 1024 * 1024;
const MAX_FRAMES = 2 ** 21;

const Meta = v.object({
  virtualSize: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  diskName: v.string(),
  diskFormat: v.string(),
  checkpointName: v.nullish(v.string(), ''),
  parentCheckpoint: v.nullish(v.union([v.string(), v.literal(false)]), ''),
  incremental: v.boolean(),
  compressed: v.nullish(v.union([v.boolean(), v.number()]), false),
  streamVersion: v.number(),
});

/** What a stream says of itself. `virtualSize`: bytes of the disk. */
export type StreamMeta = v.InferOutput<typeof Meta>;

/** A run of the disk's content, and where it is in the file. Bytes. */
export interface StreamPart {
  readonly offset: number;
  readonly length: number;
  readonly at: number;
}

/**
 * A file that virtnbdbackup wrote: a full backup of a disk, or what had changed. The layout is the one
 * that its module `sparsestream` describes: frames one behind the other, each begins with a line.
 */
export class StreamFile {
  readonly path: string;
  readonly meta: StreamMeta;
  /** Ascending. What is in none is zero in a full backup, and as before in another one. */
  readonly parts: readonly StreamPart[];
  readonly #file: BlockDevice;

  private constructor(path: string, file: BlockDevice, meta: StreamMeta, parts: StreamPart[]) {
    this.path = path;
    this.#file = file;
    this.meta = meta;
    this.parts = parts;
  }

  /** Looks through all frames. @throws IMAGE_CORRUPT, IMAGE_UNSUPPORTED (compressed), as `openFileDevice` */
  static async open(path: string): Promise<StreamFile> {
    // It has got its name when it was complete: nobody writes it.
    const file = await openFileDevice(path, { lock: false });
    try {
      const { meta, end } = await readMetaOf(file, path);
      if (meta.compressed !== false && meta.compressed !== 0) throw isCompressed(path);
      return new StreamFile(path, file, meta, await readParts(file, end, { path, meta }));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  read(target: Uint8Array, at: number): Promise<void> {
    return this.#file.read(target, at);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Whether a file begins as a stream does. @throws as `openFileDevice` */
export async function isStream(path: string): Promise<boolean> {
  await using file = await openFileDevice(path, { lock: false });
  if (file.size < FRAME_SIZE) return false;
  const head = Buffer.alloc(FRAME_SIZE);
  await file.read(head, 0);
  const line = head.toString('latin1');
  return line.startsWith('meta ') && FRAME.test(line);
}

/** @throws IMAGE_CORRUPT, as `openFileDevice` */
export async function readStreamMeta(path: string): Promise<StreamMeta> {
  await using file = await openFileDevice(path, { lock: false });
  return (await readMetaOf(file, path)).meta;
}

async function readMetaOf(file: BlockDevice, path: string) {
  const { kind, length } = await readFrame(file, 0, path);
  if (kind !== 'meta' || length > MAX_META) throw corrupt(path, 'does not begin with what it is');
  const end = FRAME_SIZE + length + LINE_END;
  if (end > file.size) throw corrupt(path, 'is cut short');
  const text = Buffer.alloc(length);
  await file.read(text, FRAME_SIZE);
  const found = v.safeParse(Meta, parseJson(text));
  if (!found.success) throw corrupt(path, 'does not say what it is of');
  return { meta: found.output, end };
}

async function readParts(
  file: BlockDevice,
  from: number,
  { path, meta }: { readonly path: string; readonly meta: StreamMeta },
): Promise<StreamPart[]> {
  const parts: StreamPart[] = [];
  let covered = 0;
  for (let at = from, count = 0; ; count++) {
    if (count >= MAX_FRAMES) throw corrupt(path, `has more than ${MAX_FRAMES} frames`);
    const { kind, start, length } = await readFrame(file, at, path);
    at += FRAME_SIZE;
    if (kind === 'stop') return parts;
    if (kind !== 'data' && kind !== 'zero') throw corrupt(path, `has '${kind}' in its midst`);
    if (start < covered || start + length > meta.virtualSize) {
      throw corrupt(path, 'has a part out of order, or behind the end of the disk');
    }
    covered = start + length;
    if (kind === 'zero') continue;
    if (at + length > file.size) throw corrupt(path, 'is cut short');
    if (length > 0) parts.push({ offset: start, length, at });
    at += length + LINE_END;
  }
}

async function readFrame(file: BlockDevice, at: number, path: string) {
  if (at + FRAME_SIZE > file.size) throw corrupt(path, 'is cut short');
  const line = Buffer.alloc(FRAME_SIZE);
  await file.read(line, at);
  const [, kind, start = '', length = ''] = FRAME.exec(line.toString('latin1')) ?? [];
  const numbers = { start: Number.parseInt(start, 16), length: Number.parseInt(length, 16) };
  if (kind === undefined || !Number.isSafeInteger(numbers.start + numbers.length)) {
    throw corrupt(path, `has no frame at byte ${at}`);
  }
  return { kind, ...numbers };
}

function parseJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

function corrupt(path: string, why: string): TidemarkError {
  return new TidemarkError('IMAGE_CORRUPT', `stream '${path}' ${why}`, {
    where: path,
    hint: 'virtnbdrestore -o dump tells what it makes of it',
  });
}

function isCompressed(path: string): TidemarkError {
  return new TidemarkError('IMAGE_UNSUPPORTED', `stream '${path}' is compressed`, {
    where: path,
    hint: 'restore it by virtnbdrestore, and import the image',
  });
}
