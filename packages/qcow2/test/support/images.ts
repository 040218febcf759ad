import { readFileSync, writeFileSync } from 'node:fs';
import type { BlockDevice } from '@tidemark/block';
import { expect } from 'vitest';
import { run, sh } from '../../../../tools/qemu.ts';
import {
  createQcow2,
  type CreateQcow2Options,
  openQcow2,
  type Qcow2Image,
} from '../../src/index.ts';
import { TestDevice } from './test-device.ts';

export interface OpenedImage {
  readonly device: TestDevice;
  readonly image: Qcow2Image;
}

export async function newImage(options: CreateQcow2Options): Promise<OpenedImage> {
  const device = new TestDevice();
  await createQcow2(device, options);
  return { device, image: await openQcow2(device, { writable: true, skipBacking: true }) };
}

export async function readAll(image: BlockDevice): Promise<Uint8Array> {
  const content = new Uint8Array(image.size);
  await image.read(content, 0);
  return content;
}

/** The whole content of an image, as QEMU reads it. */
export async function qemuContent(path: string): Promise<Uint8Array> {
  const raw = `${path}.raw`;
  await run('qemu-img', 'convert', '-O', 'raw', path, raw);
  return new Uint8Array(readFileSync(raw));
}

/** QEMU finds no error, and no leak either. */
export async function expectClean(path: string): Promise<void> {
  const { code, stdout, stderr } = await sh('qemu-img', 'check', path);
  expect({ code, output: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, output: '' });
}

/** Compares without printing megabytes when it fails. */
export function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.length).toBe(expected.length);
  if (Buffer.compare(actual, expected) === 0) return;
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  expect({ at, byte: actual[at] }).toEqual({ at, byte: expected[at] });
}

/** The image file at `path` is not kept open: what we change goes back by `save`. */
export function loadDevice(path: string): TestDevice {
  return new TestDevice({ bytes: new Uint8Array(readFileSync(path)) });
}

export function save(device: TestDevice, path: string): void {
  writeFileSync(path, device.bytes);
}
