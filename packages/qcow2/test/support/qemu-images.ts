import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../../tools/qemu.ts';

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
