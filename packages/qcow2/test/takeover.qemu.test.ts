import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { createQcow2 } from '../src/index.ts';
import { bitmapOf, openBitmaps } from './support/bitmaps.ts';
import { putWithControl } from './support/controls.ts';
import { save } from './support/images.ts';
import { bitmapsInfo, verdict } from './support/qemu-images.ts';
import { afterWrites, type QemuWrite, qemuWrites, tornStates } from './support/qemu-writes.ts';
import { TestDevice } from './support/test-device.ts';

const MIB = 1 << 20;
const CONTENTS: Record<string, DirtyBitmap> = {
  a: bitmapOf(MIB, { dirty: [[131_072, 1]] }),
  first: bitmapOf(MIB),
};
const BASE = 'base.raw';
const TOKEN = { name: 'a', checkpoint: 'ab'.repeat(16) };

interface Shape {
  readonly clusterSize: number;
  readonly backing?: { readonly name: string; readonly format?: string };
  readonly inUse?: boolean;
}

/** An image as we leave it, changed more than once. */
async function makeImage(path: string, { clusterSize, backing, inUse = false }: Shape) {
  const device = new TestDevice();
  await createQcow2(device, { size: MIB, clusterSize, ...(backing && { backing }) });
  const opened = await openBitmaps(device.bytes);
  await putWithControl(opened, 'first', CONTENTS['first']!, { inUse });
  await putWithControl(opened, 'a', CONTENTS['a']!, { checkpoints: [TOKEN], inUse });
  await opened.image.close();
  save(opened.device, path);
}

async function expectSound(path: string, bytes: Uint8Array, { backing, inUse = false }: Shape) {
  writeFileSync(path, bytes);
  expect(await verdict(path)).toEqual({ corruptions: 0 });
  const { image, directory } = await openBitmaps(bytes, { writable: false });
  expect(image.info.backing?.name).toBe(backing?.name);
  // QEMU itself switches all bitmaps off for a while, and a power cut then loses them.
  const names = image.metadata.bitmapsLost ? [] : ['a', 'first'];
  const records = directory.records.filter(({ name }) => name !== 'new');
  expect(await bitmapsInfo(path)).toMatchObject(
    directory.records.map(({ name }) => ({ name })).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
  expect(records.map(({ name }) => name).toSorted()).toEqual(names);
  if (inUse) return expect(records.every((record) => record.inUse)).toBe(true);
  for (const { name, inUse: isTaken } of records) {
    if (!isTaken) expect((await directory.readContent(name)).equals(CONTENTS[name]!)).toBe(true);
  }
}

const SHAPES: readonly [string, Shape][] = [
  ['clusters of 64 KiB', { clusterSize: 65_536 }],
  ['clusters of 2 MiB', { clusterSize: 2 ** 21 }],
  ['clusters of 4 KiB', { clusterSize: 4096 }],
  ['clusters of 512 bytes', { clusterSize: 512 }],
  ['a backing file', { clusterSize: 65_536, backing: { name: BASE, format: 'raw' } }],
  [
    'a backing file, clusters of 4 KiB',
    { clusterSize: 4096, backing: { name: 'b', format: 'raw' } },
  ],
  [
    'a long name',
    { clusterSize: 65_536, backing: { name: `${'./'.repeat(450)}${BASE}`, format: 'raw' } },
  ],
  ['no format of its backing file', { clusterSize: 65_536, backing: { name: BASE } }],
  ['a name in clusters of 512 bytes', { clusterSize: 512, backing: { name: 'b'.repeat(90) } }],
];

describeWithQemu('an image that QEMU takes over', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

  for (const name of [BASE, 'b', 'b'.repeat(90)])
    writeFileSync(join(dir, name), new Uint8Array(MIB));

  it.each(SHAPES)(
    'A1 opens and keeps name and bitmaps, whatever a power cut leaves of the header: %s',
    async (_, shape) => {
      const path = join(dir, 'torn.qcow2');
      await makeImage(path, shape);
      const image = new Uint8Array(readFileSync(path));
      const open = (options: string) => run('qemu-io', '--image-opts', '-c', 'read 0 512', options);
      const [header] = await qemuWrites(path, open);
      expect(header?.offset).toBe(0);
      await expectSoundWhenTorn(path, image, header!, shape);
    },
  );

  it.each(SHAPES)(
    'A7 opens where all bitmaps are in use and QEMU adds one, whatever a power cut leaves: %s',
    async (_, given) => {
      const path = join(dir, 'in-use.qcow2');
      const shape = { ...given, inUse: true };
      await makeImage(path, shape);
      const image = new Uint8Array(readFileSync(path));
      const add = (options: string) =>
        run('qemu-img', 'bitmap', '--add', '--image-opts', options, 'new');
      const writes = await qemuWrites(path, add);
      // Nothing of the header was written when it was opened, only when the bitmap was in place.
      const header = writes.findIndex(({ offset }) => offset === 0);
      expect(header).toBeGreaterThan(0);
      const before = afterWrites(image, writes.slice(0, header));
      await expectSoundWhenTorn(path, before, writes[header]!, shape);
    },
  );

  async function expectSoundWhenTorn(
    path: string,
    image: Uint8Array,
    header: QemuWrite,
    shape: Shape,
  ): Promise<void> {
    for (const sectorSize of [512, 4096]) {
      for (const { name, bytes } of tornStates(image, [header], sectorSize)) {
        await expectSound(path, bytes, shape).catch((cause: unknown) => {
          throw new Error(name, { cause });
        });
      }
    }
  }
});
