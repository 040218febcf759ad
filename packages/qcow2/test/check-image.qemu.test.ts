import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, sh, tempDir } from '../../../tools/qemu.ts';
import { bitmapOf, newBitmaps, put } from './support/bitmaps.ts';
import { checkImage } from './support/check-image.ts';
import { randomOf } from './support/workload.ts';

const CLUSTER = 4096;

/** An image with data, preallocated zeros and two bitmaps. */
async function goodImage(): Promise<Uint8Array> {
  const opened = await newBitmaps({ size: 1 << 20, clusterSize: CLUSTER });
  await opened.image.write(new Uint8Array(20 * CLUSTER).fill(5), 3 * CLUSTER);
  await opened.image.writeZeroes(5 * CLUSTER, CLUSTER, { unmap: false });
  const bitmap = bitmapOf(1 << 20, { granularity: 512, dirty: [[0, 1000]] });
  await put(opened, 'a', bitmap);
  await put(opened, 'b', bitmap);
  await opened.image.close();
  return opened.device.bytes.slice(0, 64 * CLUSTER);
}

interface Verdict {
  readonly corrupt: boolean;
  readonly leaks: number;
}

/** What QEMU says; undefined where it does not even open the image. */
async function ofQemu(path: string): Promise<Verdict | undefined> {
  const { stdout } = await sh('qemu-img', 'check', '--output=json', path);
  const report: unknown = stdout === '' ? undefined : JSON.parse(stdout);
  if (typeof report !== 'object' || report === null) return undefined;
  const number = (key: string) => Number(Reflect.get(report, key) ?? 0);
  if (number('check-errors') > 0) return undefined;
  return { corrupt: number('corruptions') > 0, leaks: number('leaks') };
}

describeWithQemu('the check that the tests use', ['qemu-img'], () => {
  const dir = tempDir();

  it('finds what QEMU finds when single bytes of tables and refcounts are wrong', async () => {
    const good = await goodImage();
    expect(checkImage(good)).toEqual({ corruptions: [], leaks: 0, behindEnd: 0 });
    const random = randomOf(17);
    const verdicts = { corrupt: 0, leaks: 0, clean: 0 };
    for (let round = 0; round < 100; round++) {
      const bytes = good.slice();
      // Half of them in the refcounts of the first clusters, the rest in any table.
      const at =
        round % 2 === 0 ? 2 * CLUSTER + random(90) : CLUSTER * (3 + random(60)) + random(256);
      bytes[at] = bytes[at]! ^ (1 << random(8));
      const path = join(dir, 'changed.qcow2');
      writeFileSync(path, bytes);
      const theirs = await ofQemu(path);
      if (theirs === undefined) continue;
      const ours = checkImage(bytes);
      // Where something is corrupt, what else is a leak is a matter of opinion.
      const leaks = theirs.corrupt ? theirs.leaks : ours.leaks;
      expect({ at, corrupt: ours.corruptions.length > 0, leaks }).toEqual({ at, ...theirs });
      verdicts[theirs.corrupt ? 'corrupt' : theirs.leaks > 0 ? 'leaks' : 'clean']++;
    }
    expect(Math.min(...Object.values(verdicts))).toBeGreaterThan(5);
  });
});
