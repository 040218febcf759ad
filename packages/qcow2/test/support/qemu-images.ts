import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run, sh } from '../../../../tools/qemu.ts';

export interface QemuImageOptions {
  readonly dir: string;
  readonly name: string;
  readonly content: Uint8Array;
  /** As behind `-o`. */
  readonly options: string;
  readonly compress?: boolean;
}

/** An image that QEMU made of `content`. @returns its path */
export async function convertToQcow2(image: QemuImageOptions): Promise<string> {
  const { dir, name, content, options, compress = false } = image;
  const raw = join(dir, `${name}.src`);
  const path = join(dir, `${name}.qcow2`);
  writeFileSync(raw, content);
  const flags = compress ? ['-c'] : [];
  await run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', ...flags, '-o', options, raw, path);
  return path;
}

/** Runs qemu-io commands on an image, in order. Nothing waits for the disk. */
export async function qemuIo(path: string, ...commands: readonly string[]): Promise<void> {
  const args = commands.flatMap((command) => ['-c', command]);
  await run('qemu-io', '-f', 'qcow2', '-t', 'unsafe', ...args, path);
}

/** What `qemu-img check` finds; leaks are no damage. */
export async function verdict(path: string): Promise<{ corruptions: unknown }> {
  const { stdout, stderr } = await sh('qemu-img', 'check', '--output=json', path);
  if (stdout === '') throw new Error(stderr);
  const report: unknown = JSON.parse(stdout);
  expect(report).toMatchObject({ 'check-errors': 0 });
  return { corruptions: Object(report)['corruptions'] ?? 0 };
}

/** The bitmaps of an image, as `qemu-img info` lists them, by name. */
export async function bitmapsInfo(path: string): Promise<unknown[]> {
  const info: unknown = JSON.parse(await run('qemu-img', 'info', '--output=json', path));
  const bitmaps = Object(info)['format-specific'].data.bitmaps as unknown;
  if (!Array.isArray(bitmaps)) return [];
  return bitmaps.sort((a, b) => String(a.name).localeCompare(String(b.name)));
}

/** Dirty ranges of a bitmap, as QEMU serves them over NBD. */
export async function dirtyMap(path: string, bitmap: string) {
  const map = `--map=qemu:dirty-bitmap:${bitmap}`;
  const serve = ['qemu-nbd', '-r', '-f', 'qcow2', '-B', bitmap, path];
  const extents: unknown = JSON.parse(
    await run('nbdinfo', '--json', map, '--', '[', ...serve, ']'),
  );
  const dirty: { offset: number; length: number }[] = [];
  for (const { offset, length, type } of Object(extents)) {
    if (type !== 1) continue;
    const last = dirty.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else dirty.push({ offset, length });
  }
  return dirty;
}
