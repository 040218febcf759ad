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

/** Runs qemu-io commands on an image, in order. */
export async function qemuIo(path: string, ...commands: readonly string[]): Promise<void> {
  const args = commands.flatMap((command) => ['-c', command]);
  await run('qemu-io', '-f', 'qcow2', ...args, path);
}

/** What `qemu-img check` finds; leaks are no damage. */
export async function verdict(path: string): Promise<{ corruptions: unknown }> {
  const { stdout, stderr } = await sh('qemu-img', 'check', '--output=json', path);
  if (stdout === '') throw new Error(stderr);
  const report: unknown = JSON.parse(stdout);
  expect(report).toMatchObject({ 'check-errors': 0 });
  return { corruptions: Object(report)['corruptions'] ?? 0 };
}
