import { MemoryDevice } from '@tidemark/block';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { applyRepair, checkImage, type ImageCheck, planRepair, undoRepair } from '../src/index.ts';
import { Overlay } from '../src/repair/overlay.ts';
import { type Damage, DAMAGES, damagedImage } from './support/damages.ts';
import { bytesOf, deviceOf } from './support/devices.ts';

async function repaired(damage: Damage) {
  const before = await damagedImage(damage);
  const device = await deviceOf(before);
  const undo = new MemoryDevice({ size: 0, label: 'undo file' });
  const plan = await planRepair(device);
  await applyRepair(device, plan, { undo });
  return { before, device, undo, plan };
}

const validOf = ({ bitmaps }: ImageCheck) =>
  bitmaps.filter(({ verdict }) => verdict === 'sound').map(({ name }) => name);

/** A flag that is missing costs a copy at most, and cannot change in one write with the refcount. */
const harmOf = ({ corruptions, findings }: ImageCheck) =>
  corruptions - findings.filter(({ kind }) => kind === 'copied-flag').length;

const takenFor = ({ findings }: ImageCheck) =>
  findings.flatMap(({ kind, message, cluster }) =>
    kind === 'copied-flag' && message.includes('says that nothing else') ? [cluster] : [],
  );

describe('an image that is damaged', () => {
  it.each(DAMAGES)('is checked, and nothing is written: $name', async (damage) => {
    const bytes = await damagedImage(damage);
    const device = await deviceOf(bytes);
    const { findings } = await checkImage(device);
    const kinds = new Set(findings.map(({ kind }) => kind));
    expect([...kinds].filter((kind) => damage.finds.includes(kind)).sort()).toEqual(
      [...damage.finds].sort(),
    );
    expect(findings.length === 0).toBe(damage.finds.length === 0);
    expect(Buffer.compare(await bytesOf(device), bytes)).toBe(0);
  });

  it.each(DAMAGES)('is sound after a repair: $name', async (damage) => {
    const { device, plan } = await repaired(damage);
    const check = await checkImage(device);
    expect(check).toEqual({ ...plan.after, label: check.label });
    expect([check.corruptions, check.leaks]).toEqual([0, 0]);
    const left = check.bitmaps.map(({ name, inUse }) => (inUse ? `${name}!` : name));
    expect(left).toEqual(damage.left);
    const others = check.findings.filter(({ kind }) => kind !== 'bitmap-in-use');
    expect(others).toEqual([]);
  });

  it.each(DAMAGES)(
    'gets clusters back and nothing else, asked for leaks alone: $name',
    async (damage) => {
      const device = await deviceOf(await damagedImage(damage));
      const { before, after, actions } = await planRepair(device, { mode: 'leaks' });
      const tooLow = ({ findings }: ImageCheck) =>
        findings.filter(({ kind, severity }) => kind === 'refcount' && severity === 'corruption');
      expect(tooLow(after)).toEqual(tooLow(before));
      expect(after.bitmaps).toEqual(before.bitmaps);
      const kinds = actions.map(({ action }) => action);
      // A mark is of counts, and they are right where nothing else is wrong.
      const marks = after.corruptions === 0 ? ['clear-mark'] : [];
      const allowed = ['free-leaks', 'fix-copied-flags', ...marks];
      expect(kinds.filter((kind) => !allowed.includes(kind))).toEqual([]);
      expect(after.leaks < before.leaks).toBe(kinds.includes('free-leaks'));
    },
  );

  it.each(DAMAGES)('loses no bitmap without saying so: $name', async (damage) => {
    const { plan } = await repaired(damage);
    const told = plan.actions.flatMap((action) => ('bitmap' in action ? [action.bitmap] : []));
    const after = plan.after.bitmaps.map(({ name }) => name);
    const gone = plan.before.bitmaps
      .map(({ name }) => name)
      .filter((name) => !after.includes(name));
    const invalid = validOf(plan.before).filter((name) => !validOf(plan.after).includes(name));
    expect(told).toEqual(expect.arrayContaining([...gone, ...invalid]));
  });

  it.each(DAMAGES)('is no worse wherever a repair is cut off: $name', async (damage) => {
    const before = await damagedImage(damage);
    const plan = await planRepair(await deviceOf(before));
    const sectors = new Map<number, Uint8Array>();
    for (const phase of plan.phases) {
      for (const [offset, content] of phase.sectors) {
        sectors.set(offset, content);
        const cut = new Overlay(await deviceOf(before), plan.sizeAfter, new Map(sectors));
        const check = await checkImage(cut);
        expect(harmOf(check)).toBeLessThanOrEqual(harmOf(plan.before));
        // A cluster that is taken for one's own, and is not, was in trouble before.
        const troubled = plan.before.findings.map(({ cluster }) => cluster);
        expect(takenFor(check).filter((cluster) => !troubled.includes(cluster))).toEqual([]);
        // A bitmap that is valid half way was so before, or is so in the end.
        const allowed = [...validOf(plan.before), ...validOf(plan.after)];
        expect(validOf(check).filter((name) => !allowed.includes(name))).toEqual([]);
      }
    }
    expect(plan.phases.length > 0).toBe(plan.actions.length > 0);
  });

  it.each(DAMAGES)('is what it was, byte for byte, after an undo: $name', async (damage) => {
    const { before, device, undo, plan } = await repaired(damage);
    // Where there was nothing to repair there is nothing to take back.
    expect(undo.size > 0).toBe(plan.actions.length > 0);
    if (undo.size > 0) await undoRepair(device, undo);
    expect(Buffer.compare(await bytesOf(device), before)).toBe(0);
  });
});

describeWithQemu('an image that was repaired', ['qemu-img'], () => {
  const dir = tempDir();

  it.each(DAMAGES)('is sound to QEMU, with its data and bitmaps: $name', async (damage) => {
    const sound = join(dir, 'sound.qcow2');
    // What the damage says of the guest's data, where it says something of it, is the damage.
    const before = await damagedImage(damage);
    const isOfGuest = damage.name === 'two clusters of the disk in one';
    writeFileSync(sound, isOfGuest ? before : await damagedImage({ change: () => {} }));
    const path = join(dir, 'repaired.qcow2');
    const { device } = await repaired(damage);
    writeFileSync(path, await bytesOf(device));
    await run('qemu-img', 'check', path);
    await run('qemu-img', 'compare', sound, path);
    const bitmaps = await qemuBitmaps(path);
    const left = bitmaps.map(({ name, flags }) => (flags.includes('in-use') ? `${name}!` : name));
    expect(left).toEqual(damage.left);
  });
});
