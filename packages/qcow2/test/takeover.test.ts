import { describe, expect, it } from 'vitest';
import { CONTROL_EXTENSION } from '../src/control/spec.ts';
import { ExtensionType, HeaderV3 } from '../src/header/spec.ts';
import { createQcow2 } from '../src/index.ts';
import { bitmapOf, openBitmaps } from './support/bitmaps.ts';
import { putWithControl } from './support/controls.ts';
import { findExtension } from './support/header-edits.ts';
import { TestDevice } from './support/test-device.ts';

const MIB = 1 << 20;
const NO_BYTES = new Uint8Array(0);

function extension(type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + Math.ceil(data.length / 8) * 8);
  new DataView(bytes.buffer).setUint32(0, type);
  new DataView(bytes.buffer).setUint32(4, data.length);
  bytes.set(data, 8);
  return bytes;
}

/** What QEMU 7.2 makes of the header when it writes it anew, from the first byte to the last. */
function asQemuWritesIt(image: Uint8Array, name: Uint8Array, format: Uint8Array | undefined) {
  const own = (type: number) => extension(type, findExtension(image, type)!.slice());
  return Buffer.concat([
    image.subarray(0, 112),
    format === undefined ? NO_BYTES : extension(ExtensionType.backingFormat, format),
    extension(ExtensionType.featureNames, new Uint8Array(8 * 48)),
    own(ExtensionType.bitmaps),
    own(CONTROL_EXTENSION),
    extension(ExtensionType.end, NO_BYTES),
    name,
  ]);
}

describe('a header with a control extension', () => {
  it.each<[string, { name: string; format?: string } | undefined]>([
    ['without a backing file', undefined],
    ['with a backing file', { name: 'base.raw', format: 'raw' }],
    ['with a backing file and no format', { name: 'a/very/long/name/'.repeat(20) }],
  ])('A1 A7 has behind sector 0 what QEMU would put there: %s', async (_, backing) => {
    const device = new TestDevice();
    await createQcow2(device, { size: MIB, ...(backing && { backing }) });
    const opened = await openBitmaps(device.bytes);
    const text = new TextEncoder();
    for (const bitmap of ['a', 'b', 'a']) {
      await putWithControl(opened, bitmap, bitmapOf(MIB));
      const { bytes } = opened.device;
      const format = backing?.format === undefined ? undefined : text.encode(backing.format);
      const qemus = asQemuWritesIt(bytes, text.encode(backing?.name ?? ''), format);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const nameAt = Number(view.getBigUint64(HeaderV3.offsetOf.backingFileOffset));
      expect(nameAt).toBe(backing === undefined ? 0 : qemus.length - backing.name.length);
      expect(Buffer.from(bytes.slice(512, qemus.length))).toEqual(qemus.subarray(512));
    }
  });

  it('A1 keeps the name of the backing file in its place after QEMU has laid the header out', async () => {
    const name = 'a/very/long/name/'.repeat(20);
    const device = new TestDevice();
    await createQcow2(device, { size: MIB, backing: { name, format: 'raw' } });
    const ours = await openBitmaps(device.bytes);
    await putWithControl(ours, 'a', bitmapOf(MIB));
    const image = ours.device.bytes.slice();
    const text = new TextEncoder();
    const header = asQemuWritesIt(image, text.encode(name), text.encode('raw'));
    image.fill(0, 0, 65_536);
    image.set(header);
    const view = new DataView(image.buffer);
    view.setBigUint64(HeaderV3.offsetOf.autoclearFeatures, 1n);

    const opened = await openBitmaps(image);
    const places = placesOfName(opened.device);
    await putWithControl(opened, 'b', bitmapOf(MIB));
    expect(new Set(places)).toEqual(new Set([header.length - name.length]));
    expect(places.length).toBeGreaterThan(1);
  });
});

/** Where sector 0 says that the backing file's name is, after each write to it. */
function placesOfName(device: TestDevice): number[] {
  const places: number[] = [];
  const write = device.write.bind(device);
  device.write = async (source, offset) => {
    await write(source, offset);
    if (offset !== 0) return;
    const view = new DataView(device.bytes.buffer, device.bytes.byteOffset);
    places.push(Number(view.getBigUint64(HeaderV3.offsetOf.backingFileOffset)));
  };
  return places;
}
