import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { expectClean, expectSame, loadDevice, qemuContent, save } from './support/images.ts';
import { openQcow2 } from '../src/index.ts';

const KIB = 1024;
const CLUSTER = 64 * KIB;

describeWithQemu('an image that was cut off inside a cluster', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

  it.each([
    ['plain', []],
    ['compressed', ['-c']],
    ['of subclusters', ['-o', 'extended_l2=on']],
  ] as const)('shows zeros where QEMU grows it again: %s', async (name, flags) => {
    const path = join(dir, `${name}.qcow2`);
    const raw = join(dir, 'content.raw');
    const content = new Uint8Array(4 * CLUSTER).fill(7);
    writeFileSync(raw, content);
    await run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', ...flags, raw, path);
    const device = loadDevice(path);
    const image = await openQcow2(device, { writable: true });
    const end = 2 * CLUSTER + 5 * 512;
    await image.resize(end);
    await image.close();
    save(device, path);
    await expectClean(path);
    await run('qemu-img', 'resize', '-q', '-f', 'qcow2', path, String(8 * CLUSTER));
    const expected = new Uint8Array(8 * CLUSTER);
    expected.set(content.subarray(0, end));
    expectSame(await qemuContent(path), expected);
    expect(expected[end]).toBe(0);
  });
});
