import { writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { isTidemarkError } from '@tidemark/core';
import { openDrive, openDriveBitmaps } from '@tidemark/drive';
import { qemuLoaded } from '../qemu-bitmaps.ts';
import { run, sh } from '../qemu.ts';
import type { Model } from './model.ts';

/** What differs, as lines of a report; nothing where all agree. */
export async function disagreements(path: string, model: Model): Promise<readonly string[]> {
  // All of them only read.
  const found = await Promise.all([
    checked(path),
    contentOfQemu(path, model),
    bitmapsOfQemu(path, model),
    ours(path, model),
  ]);
  return found.flat();
}

async function checked(path: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await sh('qemu-img', 'check', '-q', '-f', 'qcow2', path);
  return code === 0 ? [] : [`qemu-img check ends with ${code}: ${stdout}${stderr}`];
}

async function contentOfQemu(path: string, { content }: Model): Promise<readonly string[]> {
  const raw = `${path}.expected`;
  await writeFile(raw, content);
  const formats = ['-f', 'raw', '-F', 'qcow2'];
  const { code, stdout, stderr } = await sh('qemu-img', 'compare', ...formats, raw, path);
  return code === 0 ? [] : [`content by QEMU: ${stdout}${stderr}`];
}

async function bitmapsOfQemu(path: string, model: Model): Promise<readonly string[]> {
  const { bitmaps, sums } = await qemuLoaded(path, [...model.bitmaps.keys()]);
  const listed = bitmaps.map(({ name, granularity, recording, inconsistent = false }): Flags => {
    return [name, granularity, recording, inconsistent];
  });
  return [
    ...different('bitmaps by QEMU', sorted(listed), flagsOf(model)),
    ...different('sha256 by QEMU', sums, sumsOf(model)),
  ];
}

type Flags = readonly [name: string, granularity: number, enabled: boolean, inUse: boolean];

/** By name: each program lists them in an order of its own. */
const sorted = (flags: readonly Flags[]): readonly Flags[] =>
  flags.toSorted(([a], [b]) => (a < b ? -1 : 1));

const flagsOf = ({ bitmaps }: Model) =>
  sorted(
    [...bitmaps].map(([name, { content, enabled }]): Flags => {
      return [name, content.granularity, enabled, false];
    }),
  );

const sumsOf = ({ bitmaps }: Model) =>
  Object.fromEntries([...bitmaps].map(([name, { content }]) => [name, content.sha256()]));

async function ours(path: string, model: Model): Promise<readonly string[]> {
  const drive = await openDrive(path, { format: 'qcow2', skipBacking: false }).catch((error) => {
    // Content that we do not read yet; its bitmaps we do.
    if (isTidemarkError(error, 'IMAGE_UNSUPPORTED')) return undefined;
    throw error;
  });
  if (drive === undefined) return [];
  try {
    const { store } = await openDriveBitmaps(drive);
    const listed: Flags[] = [];
    const sums: Record<string, string> = {};
    for (const { name, granularity, enabled, state } of await store!.list()) {
      listed.push([name, granularity, enabled, state !== 'stored']);
      sums[name] = (await store!.load(name)).sha256();
    }
    const content = new Uint8Array(drive.device.size);
    await drive.device.read(content, 0);
    const isSame = Buffer.compare(content, model.content) === 0;
    return [
      ...(isSame ? [] : [`content by us differs at ${firstOther(content, model.content)}`]),
      ...different('bitmaps by us', sorted(listed), flagsOf(model)),
      ...different('sha256 by us', sums, sumsOf(model)),
      ...(await mapsOf(path, drive.image!)),
    ];
  } finally {
    await drive.device.close();
  }
}

type Image = NonNullable<Awaited<ReturnType<typeof openDrive>>['image']>;

interface Mapped {
  readonly start: number;
  readonly length: number;
  readonly depth: number;
  readonly present: boolean;
  readonly zero: boolean;
  readonly data: boolean;
  readonly offset?: number;
}

async function mapsOf(path: string, image: Image): Promise<readonly string[]> {
  const args = ['map', '-f', 'qcow2', '--output=json', path];
  const theirs: Mapped[] = JSON.parse(await run('qemu-img', ...args));
  const mapped: Mapped[] = [];
  for await (const extent of image.layerExtents(0, image.size)) {
    const { offset: start, host, ...rest } = extent;
    mapped.push({ start, ...rest, ...(host !== undefined && { offset: host }) });
  }
  return different('map', asTables(mapped), asTables(theirs));
}

/**
 * As the tables of the image have it. QEMU also says which data is zero since the file has a hole
 * there: whether it has depends on the file system.
 */
function asTables(extents: readonly Mapped[]): readonly Mapped[] {
  const all: Mapped[] = [];
  for (const { start, length, depth, present, zero, data, offset } of extents) {
    // Where room is kept without data, only QEMU's own map needs to know.
    const isPlace = data && offset !== undefined && { offset };
    const next = { start, length, depth, present, zero: zero && !data, data, ...isPlace };
    const last = all.at(-1);
    if (last === undefined || !goesOn(last, next)) all.push(next);
    else all[all.length - 1] = { ...last, length: last.length + length };
  }
  return all;
}

function goesOn(a: Mapped, b: Mapped): boolean {
  const end = a.offset === undefined ? undefined : a.offset + a.length;
  const isSame = a.depth === b.depth && a.present === b.present && a.zero === b.zero;
  return isSame && a.data === b.data && end === b.offset;
}

function firstOther(a: Uint8Array, b: Uint8Array): string {
  if (a.length !== b.length) return `the end: ${a.length} bytes, not ${b.length}`;
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return `${at}: ${a[at]}, not ${b[at]}`;
}

function different(what: string, found: unknown, expected: unknown): readonly string[] {
  if (isDeepStrictEqual(found, expected)) return [];
  return [`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`];
}
