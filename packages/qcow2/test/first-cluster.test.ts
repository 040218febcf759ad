import { describe, expect, it } from 'vitest';
import { readHeader } from '../src/header/parse-header.ts';
import { HeaderV3 } from '../src/header/spec.ts';
import { HostFile } from '../src/io/host-file.ts';
import { addExtension } from './support/header-edits.ts';
import { newImage } from './support/images.ts';
import { TestDevice } from './support/test-device.ts';

const PAGE = 4096;
const at = HeaderV3.offsetOf;

async function emptyImage(): Promise<Uint8Array> {
  const { device, image } = await newImage({ size: 1 << 20, clusterSize: 65_536 });
  await image.close();
  return device.bytes.slice();
}

/** Behind what the image has, and an end marker. */
function withBacking(image: Uint8Array, offset: number, length: number): Uint8Array {
  const bytes = image.slice();
  const view = new DataView(bytes.buffer);
  view.setBigUint64(at.backingFileOffset, BigInt(offset));
  view.setUint32(at.backingFileSize, length);
  bytes.fill(0x78, offset, offset + length);
  return bytes;
}

const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + 1) % 251);

async function read(bytes: Uint8Array) {
  const device = new TestDevice({ bytes });
  device.bytesRead = 0;
  return { header: await readHeader(new HostFile(device)), device };
}

it('of the first cluster a page is read where that has all of the header', async () => {
  const { device, header } = await read(withBacking(await emptyImage(), 1000, 500));
  expect(header.backing?.bytes).toEqual(new Uint8Array(500).fill(0x78));
  expect(device.bytesRead).toBe(PAGE);
});

describe('a header that goes on behind the first page', () => {
  const KIND = 0x7e577e57;

  it.each([
    ['an extension that begins before', [PAGE]],
    ['one that ends there, and no end marker before', [PAGE - 8]],
    ['one that begins behind', [PAGE, 24]],
    ['long ones', [30_000, 30_000]],
  ])('is read to its end: %s', async (_, lengths) => {
    let bytes = await emptyImage();
    const before = (await read(bytes)).header.extensions.length;
    for (const [index, length] of lengths.entries()) {
      bytes = addExtension(bytes, KIND + index, pattern(length));
    }
    const { header } = await read(bytes);
    expect(header.extensions).toHaveLength(before + lengths.length);
    for (const [index, length] of lengths.entries()) {
      const found = header.extensions.find(({ type }) => type === KIND + index);
      expect(found?.data).toEqual(pattern(length));
    }
  });

  it.each([
    ['across its end', PAGE - 10, 20],
    ['behind it', 10_000, 900],
  ])('has the name of its backing file %s', async (_, offset, length) => {
    const { header } = await read(withBacking(await emptyImage(), offset, length));
    expect(header.backing?.bytes).toEqual(new Uint8Array(length).fill(0x78));
  });

  it('is refused where an extension reaches behind the name of the backing file', async () => {
    const bytes = withBacking(addExtension(await emptyImage(), KIND, pattern(900)), 700, 20);
    await expect(read(bytes)).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
  });
});
