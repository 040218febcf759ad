import { basename, join } from 'node:path';
import type { BlockDevice } from '@tidemark/block';
import { openQcow2, type OpenQcow2Options, probeFormat, type Qcow2Image } from '../../src/index.ts';
import { loadDevice } from './images.ts';
import type { TestDevice } from './test-device.ts';

/** An image with all that stands behind it, which lies in the same folder. */
async function openChain(dir: string, name: string): Promise<BlockDevice> {
  const device = loadDevice(join(dir, name));
  return (await probeFormat(device)) === 'raw' ? device : openImage(dir, device);
}

export function openImage(
  dir: string,
  device: TestDevice,
  options: Pick<OpenQcow2Options, 'writable' | 'openDataFile'> = {},
): Promise<Qcow2Image> {
  return openQcow2(device, { ...options, openBacking: (name) => openChain(dir, basename(name)) });
}
