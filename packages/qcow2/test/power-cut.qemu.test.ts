import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { qemuContent } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { verdict } from './support/qemu-images.ts';
import { recordWorkload, WORKLOADS } from './support/recorded-workload.ts';

describeWithQemu('after a power cut, for QEMU', ['qemu-img'], () => {
  const dir = tempDir();

  it.each(WORKLOADS)('an image is sound and holds what was flushed: %j', async (options) => {
    const path = join(dir, 'cut.qcow2');
    const seed = options.clusterSize;
    const { device, guest } = await recordWorkload(options, seed);
    for await (const { bytes, count, name } of powerCuts(device, { seed, torn: 1, every: 7 })) {
      writeFileSync(path, bytes);
      expect({ name, ...(await verdict(path)) }).toEqual({ name, corruptions: 0 });
      const lost = guest.lostAt(count, await qemuContent(path));
      expect({ name, lost }).toEqual({ name, lost: [] });
    }
  });
});
