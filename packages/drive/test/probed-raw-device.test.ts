import { MemoryDevice } from '@tidemark/block';
import { createQcow2 } from '@tidemark/qcow2';
import { expect, it } from 'vitest';
import { ProbedRawDevice } from '../src/index.ts';

const SIZE = 65_536;

/** Starts of images, and where in them. */
const STARTS: readonly (readonly [name: string, offset: number, bytes: string])[] = [
  ['qcow2', 0, 'QFI\xfb'],
  ['VMDK', 0, 'KDMV'],
  ['VMDK', 0, '# Disk DescriptorFile'],
  ['VMDK', 0, 'COWD'],
  ['VHDX', 0, 'vhdxfile'],
  ['VHD', 0, 'conectix'],
  ['VDI', 0x40, '\x7f\x10\xda\xbe'],
  ['QED', 0, 'QED\0'],
  ['Parallels', 0, 'WithoutFreeSpace'],
  ['LUKS', 0, 'LUKS\xba\xbe'],
  ['Bochs', 0, 'Bochs Virtual HD Image'],
];

async function contentOf(device: MemoryDevice): Promise<Buffer> {
  const content = Buffer.alloc(SIZE);
  await device.read(content, 0);
  return content;
}

async function open(): Promise<{ under: MemoryDevice; device: ProbedRawDevice }> {
  const under = new MemoryDevice({ size: SIZE });
  await under.write(Buffer.alloc(SIZE, 0x55), 0);
  return { under, device: new ProbedRawDevice(under) };
}

it.each(STARTS)(
  'does not take the start of a %s image, whole or in parts',
  async (name, at, bytes) => {
    const { under, device } = await open();
    const start = Buffer.from(bytes, 'latin1');
    const before = await contentOf(under);
    const refusal = { code: 'PERMISSION_DENIED', message: expect.stringContaining(name) };
    for (const tail of [0, 4096]) {
      const source = Buffer.concat([Buffer.alloc(at), start, Buffer.alloc(tail)]);
      expect(device.writeNow(source, 0)).toBe(false);
      await expect(device.write(source, 0)).rejects.toMatchObject(refusal);
    }
    expect((await contentOf(under)).equals(before)).toBe(true);
    // The halves come together, and whichever is second completes it.
    const halves = [start.subarray(0, 2), start.subarray(2)] as const;
    const done = await Promise.allSettled([
      device.write(halves[0], at),
      device.write(halves[1], at + 2),
    ]);
    expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  },
);

it('lets zeros complete no signature', async () => {
  const { device } = await open();
  await device.write(Buffer.from('QED'), 0);
  for (const change of [
    () => device.writeZeroes(3, 100),
    () => device.discard(3, 100),
    () => device.write(Buffer.alloc(100), 3),
  ]) {
    await expect(change()).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  }
  await device.writeZeroes(0, SIZE);
});

it('takes all else, and what an image begins with elsewhere', async () => {
  const { under, device } = await open();
  const image = new MemoryDevice({ size: 0 });
  await createQcow2(image, { size: SIZE });
  const header = Buffer.alloc(512);
  await image.read(header, 0);
  await expect(device.write(header, 0)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await device.write(header, 512);
  await device.write(header, 1);
  expect(device.writeNow(Buffer.from('x'), 4096)).toBe(true);
  await device.write(Buffer.from('an MBR'), 0);
  const expected = Buffer.alloc(SIZE, 0x55);
  expected.set(header, 512);
  expected.set(header, 1);
  expected.write('x', 4096);
  expected.write('an MBR', 0);
  expect((await contentOf(under)).equals(expected)).toBe(true);
});

it('leaves ranges that are none to the device', async () => {
  const device = new ProbedRawDevice(new MemoryDevice({ size: 100 }));
  for (const offset of [-1, 100, 101, 2 ** 40]) {
    await expect(device.write(Buffer.from('QFI\xfb', 'latin1'), offset)).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
    });
  }
  await expect(device.write(Buffer.alloc(101), 0)).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
});
