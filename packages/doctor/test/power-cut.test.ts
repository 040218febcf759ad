import { MemoryDevice } from '@tidemark/block';
import { copyToMemory, RecordingDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { powerCuts } from '../../qcow2/test/support/power-cuts.ts';
import { applyRepair, checkImage, type ImageCheck, planRepair, undoRepair } from '../src/index.ts';
import { type Damage, DAMAGES, damagedImage } from './support/damages.ts';
import { bytesOf, deviceOf } from './support/devices.ts';

const validOf = ({ bitmaps }: ImageCheck) =>
  bitmaps.filter(({ verdict }) => verdict === 'sound').map(({ name }) => name);

/** A flag that is missing costs a copy at most, and cannot change in one write with the refcount. */
const harmOf = ({ corruptions, findings }: ImageCheck) =>
  corruptions - findings.filter(({ kind }) => kind === 'copied-flag').length;

async function recorded(damage: Damage, mode: 'leaks' | 'all' = 'all') {
  const before = await damagedImage(damage);
  const plan = await planRepair(await deviceOf(before), { mode });
  const undo = new MemoryDevice({ size: 0 });
  const device = await RecordingDevice.startOn(await deviceOf(before));
  await applyRepair(device, plan, { undo });
  return { before, plan, undo, device };
}

describe('a power cut during a repair, whatever unflushed writes survived', () => {
  it.each(DAMAGES)('leaves an image that is no worse: $name', async (damage) => {
    for (const mode of ['all', 'leaks'] as const) {
      const { plan, device } = await recorded(damage, mode);
      const allowed = [...validOf(plan.before), ...validOf(plan.after)];
      for await (const { bytes, name } of powerCuts(device, { seed: 9, torn: 3 })) {
        const check = await checkImage(await deviceOf(bytes));
        expect([name, harmOf(check) <= harmOf(plan.before)]).toEqual([name, true]);
        const gained = validOf(check).filter((bitmap) => !allowed.includes(bitmap));
        expect([name, gained]).toEqual([name, []]);
      }
    }
  });

  it.each(DAMAGES)('leaves what an undo takes back: $name', async (damage) => {
    const { before, undo, device } = await recorded(damage);
    if (undo.size === 0) return;
    for await (const { bytes, name } of powerCuts(device, { seed: 11, torn: 2, every: 2 })) {
      const cut = await deviceOf(bytes);
      await undoRepair(cut, undo);
      expect([name, Buffer.compare(await bytesOf(cut), before)]).toEqual([name, 0]);
    }
  });

  it.each(DAMAGES)('and one during an undo leaves what it takes back: $name', async (damage) => {
    const { before, undo, device } = await recorded(damage);
    if (undo.size === 0) return;
    const undoing = await RecordingDevice.startOn(await copyToMemory(device));
    await undoRepair(undoing, undo);
    for await (const { bytes, name } of powerCuts(undoing, { seed: 13, torn: 2, every: 2 })) {
      const cut = await deviceOf(bytes);
      await undoRepair(cut, undo);
      expect([name, Buffer.compare(await bytesOf(cut), before)]).toEqual([name, 0]);
    }
  });
});
