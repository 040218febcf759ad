import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockDevice } from '@tidemark/block';
import { powerCut } from '@tidemark/block/testing';
import { expect, it } from 'vitest';
import { describeWithQemu, sh, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { lookAt, recordFirstUse, recordLiveUse } from './support/first-use.ts';

describeWithQemu('a power cut under a sidecar', ['qemu-img'], () => {
  const path = join(tempDir(), 'cut.qcow2');

  async function save(disk: BlockDevice): Promise<void> {
    const bytes = new Uint8Array(disk.size);
    await disk.read(bytes, 0);
    writeFileSync(path, bytes);
  }

  async function expectSound(at: number): Promise<void> {
    const { stdout } = await sh('qemu-img', 'check', '--output=json', path);
    const { corruptions = 0, 'check-errors': errors } = JSON.parse(stdout);
    expect({ at, corruptions, errors }).toEqual({ at, corruptions: 0, errors: 0 });
  }

  it('leaves an image that QEMU finds sound, with the bitmaps that we find in it', async () => {
    const { base, events, ends } = await recordFirstUse();
    for (let at = ends[0]!.at; at <= events.length; at++) {
      const disk = await powerCut(base, events.slice(0, at), () => at % 2 === 0);
      await save(disk);
      await expectSound(at);
      const bitmaps = (await qemuBitmaps(path)).map(
        ({ name, flags }) => `${name} ${flags.includes('in-use') ? 'inconsistent' : 'stored'}`,
      );
      expect(await lookAt(disk)).toBe(`holds ${bitmaps.join(', ') || 'nothing'}`);
    }
  }, 120_000);

  it('leaves an image that QEMU finds sound while bitmaps are live, and flagged in use', async () => {
    const { base, events } = await recordLiveUse();
    const seen = new Set<string>();
    for (let at = 1; at <= events.length; at++) {
      const disk = await powerCut(base, events.slice(0, at), () => at % 2 === 0);
      await save(disk);
      // Ours are there with bits old or new, which are more: in use to others.
      const ours = await lookAt(disk);
      if (ours === 'IMAGE_UNRECOGNIZED') continue;
      await expectSound(at);
      const [a] = await qemuBitmaps(path);
      seen.add(`${ours}, ${a === undefined ? 'none' : a.flags.join(' ')}`);
    }
    expect([...seen]).toEqual([
      'holds nothing, none',
      'holds a stored, auto',
      'holds a stored, in-use auto',
      'holds other bits, in-use auto',
    ]);
  }, 120_000);
});
