import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { CONTROL_EXTENSION } from '../src/control/spec.ts';
import { Autoclear, HeaderV3 } from '../src/header/spec.ts';
import { bitmapOf, newBitmaps, openBitmaps } from './support/bitmaps.ts';
import { putWithControl } from './support/controls.ts';
import { findExtension } from './support/header-edits.ts';
import { expectClean, save } from './support/images.ts';
import { bitmapsInfo, dirtyMap, qemuIo } from './support/qemu-images.ts';

const MIB = 1 << 20;
const TOOLS = ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'] as const;
const bitmap = bitmapOf(MIB, { dirty: [[131_072, 1]] });

const load = (path: string) => new Uint8Array(readFileSync(path));

function isVouchedFor(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return (view.getBigUint64(HeaderV3.offsetOf.autoclearFeatures) & Autoclear.control) !== 0n;
}

describeWithQemu('an image with a control extension, to QEMU,', TOOLS, () => {
  const dir = tempDir();

  async function make(name: string, options: { inUse?: boolean; clusterSize?: number } = {}) {
    const { inUse = false, clusterSize = 65_536 } = options;
    const opened = await newBitmaps({ size: MIB, clusterSize });
    await putWithControl(opened, 'a', bitmap, { inUse });
    await opened.image.close();
    const path = join(dir, name);
    save(opened.device, path);
    return { path, extension: findExtension(load(path), CONTROL_EXTENSION) };
  }

  it.each([512, 4096, 65_536, 2 ** 21])(
    'is sound and holds the bitmap, in clusters of %i bytes',
    async (clusterSize) => {
      const { path } = await make(`plain-${clusterSize}.qcow2`, { clusterSize });
      await expectClean(path);
      expect(await bitmapsInfo(path)).toEqual([
        { name: 'a', granularity: 65_536, flags: ['auto'] },
      ]);
      expect(await dirtyMap(path, 'a')).toEqual([{ offset: 131_072, length: 65_536 }]);
    },
  );

  it.each<[string, (path: string) => Promise<unknown>, boolean]>([
    ['reads it', (path) => run('qemu-img', 'convert', '-O', 'raw', path, `${path}.raw`), true],
    ['looks it over', (path) => sh('qemu-img', 'check', path), true],
    ['writes it', (path) => qemuIo(path, 'write -P 7 0 64k'), false],
    ['adds a bitmap', (path) => run('qemu-img', 'bitmap', '--add', path, 'b'), false],
    ['removes the bitmap', (path) => run('qemu-img', 'bitmap', '--remove', path, 'a'), false],
  ])(
    'keeps it whatever QEMU does, and QEMU says so where it wrote: it %s',
    async (_, act, kept) => {
      const { path, extension } = await make('kept.qcow2');
      await act(path);
      const bytes = load(path);
      expect(findExtension(bytes, CONTROL_EXTENSION)).toEqual(extension);
      expect(isVouchedFor(bytes)).toBe(kept);
      const { image } = await openBitmaps(bytes, { writable: false });
      expect(image.metadata.control).toMatchObject({ sequence: 1n, isVouchedFor: kept });
    },
  );

  it('goes back and forth', async () => {
    const { path } = await make('both.qcow2');
    for (const [round, name] of ['b', 'c'].entries()) {
      await qemuIo(path, `write -P 7 ${round * 256}k 64k`);
      const opened = await openBitmaps(load(path));
      expect(opened.image.metadata.control).toMatchObject({ sequence: BigInt(round + 1) });
      await putWithControl(opened, name, bitmap);
      await opened.image.close();
      save(opened.device, path);
      await expectClean(path);
    }
    expect(await dirtyMap(path, 'a')).toEqual([
      { offset: 0, length: 65_536 },
      { offset: 131_072, length: 65_536 },
      { offset: 262_144, length: 65_536 },
    ]);
    expect((await bitmapsInfo(path)).length).toBe(3);
  });

  it('is not written at all when it is opened and all of its bitmaps are in use', async () => {
    const { path } = await make('in-use.qcow2', { inUse: true });
    const before = load(path);
    await run('qemu-io', '-f', 'qcow2', '-c', 'read 0 512', path);
    expect(load(path)).toEqual(before);
  });
});
