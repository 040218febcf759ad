import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { copyToMemory, RecordingDevice } from '@tidemark/block/testing';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { createQcow2, openQcow2, probeFormat } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { expectSame, loadDevice, qemuContent } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { qemuIo, verdict } from './support/qemu-images.ts';
import { TestDevice } from './support/test-device.ts';

const KIB = 1024;
const SIZE = 256 * KIB;

describeWithQemu('after a power cut', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

  it('a snapshot is what it was, whatever was being written beside it', async () => {
    const path = join(dir, 'snapshot.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4k', path, `${SIZE}`);
    await qemuIo(path, 'write -P 7 0 96k');
    await run('qemu-img', 'snapshot', '-c', 'first', path);
    const device = await RecordingDevice.startOn(await copyToMemory(loadDevice(path)));
    const image = await openQcow2(device, { writable: true });
    await image.write(new Uint8Array(6 * KIB).fill(9), 3 * KIB);
    await image.writeZeroes(32 * KIB, 8 * KIB, { unmap: true });
    await image.flush();
    await image.discard(64 * KIB, 16 * KIB);
    await image.write(new Uint8Array(KIB).fill(8), 200 * KIB);
    await image.close();
    const expected = new Uint8Array(SIZE);
    expected.fill(7, 0, 96 * KIB);
    const cut = join(dir, 'cut.qcow2');
    for await (const { bytes, name } of powerCuts(device, { seed: 6, torn: 2, every: 2 })) {
      writeFileSync(cut, bytes);
      expect({ name, ...(await verdict(cut)) }).toEqual({ name, corruptions: 0 });
      const back = ['convert', '-q', '-l', 'first', '-O', 'qcow2', cut, `${cut}.first`];
      await run('qemu-img', ...back);
      expectSame(await qemuContent(`${cut}.first`), expected);
    }
  });

  it('a new image is there whole, or not at all', async () => {
    const device = await RecordingDevice.startOn(new MemoryDevice({ size: 64 * KIB }));
    await createQcow2(device, { size: SIZE, clusterSize: 4 * KIB });
    const kinds = new Set<string>();
    for await (const { bytes, name } of powerCuts(device, { seed: 8, torn: 4 })) {
      const kind = await probeFormat(new TestDevice({ bytes }));
      kinds.add(kind);
      if (kind === 'raw') continue;
      expect({ name, found: checkImage(bytes) }).toEqual({
        name,
        found: { corruptions: [], leaks: 0, behindEnd: 0 },
      });
      expect((await openQcow2(new TestDevice({ bytes, writable: false }))).size).toBe(SIZE);
    }
    expect([...kinds]).toEqual(['raw', 'qcow2']);
  });
});
