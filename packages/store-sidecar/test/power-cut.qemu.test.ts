import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { powerCut } from '@tidemark/block/testing';
import { expect, it } from 'vitest';
import { describeWithQemu, sh, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { lookAt, recordFirstUse } from './support/first-use.ts';

describeWithQemu('a power cut under a sidecar', ['qemu-img'], () => {
  const path = join(tempDir(), 'cut.qcow2');

  it('leaves an image that QEMU finds sound, with the bitmaps that we find in it', async () => {
    const { base, events, ends } = await recordFirstUse();
    for (let at = ends[0]!.at; at <= events.length; at++) {
      const disk = await powerCut(base, events.slice(0, at), () => at % 2 === 0);
      const bytes = new Uint8Array(disk.size);
      await disk.read(bytes, 0);
      writeFileSync(path, bytes);
      const { stdout } = await sh('qemu-img', 'check', '--output=json', path);
      const { corruptions = 0, 'check-errors': errors } = JSON.parse(stdout);
      expect({ at, corruptions, errors }).toEqual({ at, corruptions: 0, errors: 0 });
      const bitmaps = (await qemuBitmaps(path)).map(
        ({ name, flags }) => `${name} ${flags.includes('in-use') ? 'inconsistent' : 'stored'}`,
      );
      expect(await lookAt(disk)).toBe(`holds ${bitmaps.join(', ') || 'nothing'}`);
    }
  }, 120_000);
});
