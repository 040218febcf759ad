import { MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { isTidemarkError } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { applyRepair, planRepair, undoRepair } from '../src/index.ts';
import { DAMAGES, damagedImage } from './support/damages.ts';
import { bytesOf, deviceOf } from './support/devices.ts';

const named = (name: string) => DAMAGES.find((damage) => damage.name === name)!;
/** They overwrite in place, write behind the end, and switch the header. */
const STALE = named('a program without bitmap support changed it');
const REBUILT = named('a refcount table that is nowhere');
const DROPPED = named('an unknown flag');

async function repaired(damage = DROPPED) {
  const before = await damagedImage(damage);
  const image = await deviceOf(before);
  const undo = new MemoryDevice({ size: 0, label: 'undo file' });
  const plan = await planRepair(image);
  await applyRepair(image, plan, { undo });
  return { before, image, undo, plan };
}

describe('an undo file', () => {
  it.each([STALE, REBUILT, DROPPED])(
    'takes a repair back that was cut off at any write: $name',
    async (damage) => {
      const { before, undo, plan } = await repaired(damage);
      const sectors = plan.phases.flatMap((phase) => [...phase.sectors]);
      for (let done = 0; done <= sectors.length; done++) {
        const image = await deviceOf(before);
        await image.resize(plan.sizeAfter);
        for (const [offset, content] of sectors.slice(0, done)) {
          await image.write(content.subarray(0, image.size - offset), offset);
        }
        await undoRepair(image, undo);
        expect(Buffer.compare(await bytesOf(image), before)).toBe(0);
      }
    },
  );

  it.each([STALE, REBUILT, DROPPED])(
    'takes a repair back though that was cut off before: $name',
    async (damage) => {
      const { before, image, undo } = await repaired(damage);
      const after = await bytesOf(image);
      for (let writes = 0; ; writes++) {
        const cut = await deviceOf(after);
        const failing = new FaultDevice(cut, [{ kind: 'fail', on: 'write', nth: writes }]);
        const isDone = await undoRepair(failing, undo).then(
          () => true,
          () => false,
        );
        await undoRepair(cut, undo);
        expect(Buffer.compare(await bytesOf(cut), before)).toBe(0);
        if (isDone) break;
      }
    },
  );

  // At 512 KiB there is an L2 table already: where refcounts are new, nothing else tells.
  it.each([
    { damage: DROPPED, at: 9 * 2 ** 20 },
    { damage: DROPPED, at: 2 ** 19 },
    { damage: STALE, at: 2 ** 19 },
    { damage: REBUILT, at: 2 ** 19 },
  ])('is not applied once it was written, at $at: $damage.name', async ({ damage, at }) => {
    const { image, undo } = await repaired(damage);
    const opened = await openQcow2(image, { writable: true });
    await opened.write(new Uint8Array(4096).fill(9), at);
    await opened.flush();
    const used = await bytesOf(image);
    await expect(undoRepair(image, undo)).rejects.toMatchObject({ code: 'UNDO_INVALID' });
    expect(Buffer.compare(await bytesOf(image), used)).toBe(0);
  });

  it.each(DAMAGES)('is not applied to an image that is damaged otherwise: $name', async (other) => {
    const { before, undo } = await repaired();
    const image = await deviceOf(await damagedImage(other));
    const bytes = await bytesOf(image);
    const isRefused = await undoRepair(image, undo).then(
      () => false,
      (error: unknown) => isTidemarkError(error),
    );
    // What the repair would take back is there already where it is the same damage.
    const isSame = Buffer.compare(bytes, before) === 0;
    expect(isRefused).toBe(!isSame);
    expect(Buffer.compare(await bytesOf(image), bytes)).toBe(0);
  });

  it('is refused where a byte of it has changed, wherever', async () => {
    const { image, undo } = await repaired();
    const after = await bytesOf(image);
    const bytes = await bytesOf(undo);
    for (let at = 0; at < bytes.length; at += 97) {
      const broken = bytes.slice();
      broken[at] = broken[at]! ^ 0x10;
      const device = await deviceOf(broken);
      await expect(undoRepair(image, device)).rejects.toMatchObject({ code: 'UNDO_INVALID' });
    }
    const short = await deviceOf(bytes.subarray(0, bytes.length - 1));
    await expect(undoRepair(image, short)).rejects.toMatchObject({ code: 'UNDO_INVALID' });
    expect(Buffer.compare(await bytesOf(image), after)).toBe(0);
  });

  it('is durable before the image is touched', async () => {
    const image = await deviceOf(await damagedImage(DROPPED));
    const before = await bytesOf(image);
    const plan = await planRepair(image);
    const failing = new FaultDevice(new MemoryDevice({ size: 0 }), [{ kind: 'fail', on: 'flush' }]);
    await expect(applyRepair(image, plan, { undo: failing })).rejects.toMatchObject({
      code: 'IO_FAILED',
    });
    expect(Buffer.compare(await bytesOf(image), before)).toBe(0);
  });
});
