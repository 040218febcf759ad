import type { DirtyBitmap } from '@tidemark/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentOf, jobIs, memory, newWorld, type World } from './support/world.ts';

const SIZE = 700_000;
const CLUSTER = 65_536;
const UNTOUCHED = 0xee;
const syncs = ['full', 'none', 'incremental', 'bitmap'] as const;

const writes = (most: number) =>
  fc.array(
    fc.record({
      offset: fc.nat(SIZE - 1),
      length: fc.integer({ min: 1, max: 200_000 }),
      byte: fc.integer({ min: 1, max: 255 }),
      kind: fc.constantFrom('write', 'zeroes', 'discard'),
    }),
    { maxLength: most },
  );

type Write = { offset: number; length: number; byte: number; kind: string };

async function apply({ graph }: World, { offset, length, byte, kind }: Write): Promise<void> {
  const { device } = graph.nodes.get('s')!;
  const inside = Math.min(length, device.size - offset);
  if (kind === 'write') await device.write(Buffer.alloc(inside, byte), offset);
  else if (kind === 'zeroes') await device.writeZeroes(offset, inside);
  else await device.discard(offset, inside);
}

interface Outcome {
  readonly sync: (typeof syncs)[number];
  /** The source at the instant, and in the end. */
  readonly before: Buffer;
  readonly now: Buffer;
  readonly copied: Buffer;
  /** Of the bitmap, at the instant and in the end. */
  readonly bits: DirtyBitmap;
  readonly left: DirtyBitmap | undefined;
}

/** What is wrong with the copy, cluster by cluster. */
function problems({ sync, before, now, copied, bits, left }: Outcome): readonly string[] {
  const found: string[] = [];
  for (let at = 0; at < before.length; at += CLUSTER) {
    const end = Math.min(before.length, at + CLUSTER);
    const [old, copy] = [before.subarray(at, end), copied.subarray(at, end)];
    const isChanged = !old.equals(now.subarray(at, end));
    const isWanted = sync === 'full' || (sync === 'none' ? isChanged : bits.isDirty(at));
    const isUntouched = copy.every((byte) => byte === UNTOUCHED);
    if (isWanted && !copy.equals(old)) found.push(`${at}: not as it was`);
    // What was written and is as before may have been copied, too.
    const mayBe = isUntouched || (sync === 'none' && copy.equals(old));
    if (!isWanted && !mayBe) found.push(`${at}: copied in vain`);
    if (left !== undefined && isChanged && !left.isDirty(at)) found.push(`${at}: lost`);
  }
  return found;
}

describe('a backup job', () => {
  it('leaves the disk as it was at the instant, whatever is written meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        writes(6),
        writes(10),
        fc.constantFrom(...syncs),
        async (earlier, meanwhile, sync) => {
          await using world = newWorld();
          const { graph } = world;
          await graph.addNode({ ...memory('s', SIZE), discard: 'unmap' });
          await graph.addNode(memory('t', SIZE));
          const { device: target } = graph.nodes.get('t')!;
          await target.write(Buffer.alloc(target.size, UNTOUCHED), 0);
          await graph.transaction([
            { op: 'add', node: 's', name: 'b', persistent: false, disabled: false },
          ]);
          for (const each of earlier) await apply(world, each);
          const before = await contentOf(world, 's');
          const drive = await graph.nodes.get('s')!.drive();
          const bits = (await drive.load('b')).clone();
          const hasBitmap = sync === 'incremental' || sync === 'bitmap';
          const bitmap = hasBitmap && { bitmap: 'b', 'bitmap-mode': 'on-success' as const };
          await graph.transaction([
            {
              op: 'backup',
              options: { 'job-id': 'j', device: 's', target: 't', sync, ...bitmap },
            },
          ]);
          await Promise.all(meanwhile.map((each) => apply(world, each)));
          // It would go on for ever.
          if (sync === 'none') graph.jobs.cancel(graph.jobs.get('j')!);
          await jobIs(world, 'j');
          const now = await contentOf(world, 's');
          const copied = await contentOf(world, 't');
          const left = hasBitmap ? await drive.load('b') : undefined;
          expect(problems({ sync, before, now, copied, bits, left })).toEqual([]);
        },
      ),
      { numRuns: Number(process.env['BACKUPS'] ?? 60) },
    );
  });
});
