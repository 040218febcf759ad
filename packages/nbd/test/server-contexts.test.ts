import { type BlockExtent, MemoryDevice } from '@tidemark/block';
import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import type { NbdBitmap } from '../src/index.ts';
import { ask } from './support/ask.ts';
import { useServers } from './support/serve.ts';
import { COMMAND, FLAG, infoPayload, metaPayload, OPTION, u32 } from './support/wire.ts';

const MIB = 2 ** 20;
const { BLOCK_STATUS } = COMMAND;

const serve = useServers();

function bitmapOf(name: string, dirty: readonly (readonly [number, number])[]): NbdBitmap {
  const bitmap = new DirtyBitmap(MIB, 4096);
  for (const [offset, length] of dirty) bitmap.set(offset, length);
  return { name, content: () => bitmap };
}

describe('bitmaps', () => {
  it('that come later are there for clients that come later', async () => {
    const bitmaps: NbdBitmap[] = [];
    const device = new MemoryDevice({ size: MIB });
    const { enter } = await serve({ device, bitmaps: () => bitmaps });
    const contexts = ['qemu:dirty-bitmap:new'];
    const early = await enter({ contexts });
    bitmaps.push(bitmapOf('new', [[0, 4096]]));
    const late = await enter({ contexts });
    const status = { type: BLOCK_STATUS, length: 8192 };
    expect(await ask(early, status)).toMatchObject({ text: 'CMD_BLOCK_STATUS not negotiated' });
    expect((await ask(late, status)).status).toEqual(
      new Map([[2, [[4096, 1], [4096, 0]]]]), // prettier-ignore
    );
  });

  it('that are gone give an error, not an answer', async () => {
    let isThere = true;
    const content = () => {
      if (isThere) return new DirtyBitmap(MIB, 4096);
      throw new TidemarkError('BITMAP_NOT_FOUND', "bitmap 'gone' is removed");
    };
    const bitmaps = async () => [{ name: 'gone', content }];
    const { enter } = await serve({ device: new MemoryDevice({ size: MIB }), bitmaps });
    const client = await enter({ contexts: ['base:allocation', 'qemu:dirty-bitmap:gone'] });
    const status = { type: BLOCK_STATUS, length: MIB };
    expect((await ask(client, status)).status.size).toBe(2);
    isThere = false;
    const refused = await ask(client, status);
    expect(refused).toMatchObject({ errno: 22, text: "bitmap 'gone' is removed" });
    expect(refused.status.size).toBe(0);
    expect(await ask(client, { type: COMMAND.READ, length: 4 })).toMatchObject({ errno: 0 });
  });

  it('are read when they are asked for, not when they are listed', async () => {
    let reads = 0;
    const content = async () => {
      reads += 1;
      return new DirtyBitmap(MIB, 4096);
    };
    const bitmaps = () => [{ name: 'lazy', content }];
    const { enter } = await serve({ device: new MemoryDevice({ size: MIB }), bitmaps });
    const client = await enter({ contexts: ['qemu:dirty-bitmap:lazy'] });
    expect(reads).toBe(0);
    expect((await ask(client, { type: BLOCK_STATUS, length: MIB })).status).toEqual(
      new Map([[2, [[MIB, 0]]]]),
    );
    expect(reads).toBe(1);
  });

  it('with very many runs come in several answers, none of them long', async () => {
    const size = 400 * MIB;
    const bitmap = new DirtyBitmap(size, 4096);
    for (let at = 0; at < size; at += 8192) bitmap.set(at, 4096);
    const bitmaps = () => [{ name: 'striped', content: () => bitmap }];
    const { enter } = await serve({ device: new MemoryDevice({ size }), bitmaps });
    const client = await enter({ contexts: ['qemu:dirty-bitmap:striped'] });
    const seen: (readonly [number, number])[] = [];
    for (let offset = 0, answers = 0; offset < size; answers++) {
      expect(answers).toBeLessThan(10);
      const { status } = await ask(client, { type: BLOCK_STATUS, offset, length: size - offset });
      const runs = status.get(2)!;
      expect(runs.length).toBeLessThanOrEqual(16_384);
      for (const [length] of runs) offset += length;
      seen.push(...runs);
    }
    expect(seen).toHaveLength(size / 4096);
    expect(
      seen.every(([length, flags], index) => length === 4096 && flags === 1 - (index % 2)),
    ).toBe(true);
  });

  it('in great number share what an answer may hold', async () => {
    const striped = new DirtyBitmap(64 * MIB, 4096);
    for (let at = 0; at < 64 * MIB; at += 8192) striped.set(at, 4096);
    const names = Array.from({ length: 300 }, (_, index) => `b${index}`);
    const bitmaps = () => names.map((name) => ({ name, content: () => striped }));
    const { enter } = await serve({ device: new MemoryDevice({ size: 64 * MIB }), bitmaps });
    const client = await enter({ contexts: names.map((name) => `qemu:dirty-bitmap:${name}`) });
    const { status } = await ask(client, { type: BLOCK_STATUS, length: 64 * MIB });
    expect(status.size).toBe(300);
    const counts = Array.from(status.values(), (runs) => runs.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(counts.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(16_384);
  });

  it('of a smaller disk give an error for what they know nothing of', async () => {
    const content = () => new DirtyBitmap(MIB / 2, 4096);
    const { enter } = await serve({
      device: new MemoryDevice({ size: MIB }),
      bitmaps: () => [{ name: 'small', content }],
    });
    const client = await enter({ contexts: ['qemu:dirty-bitmap:small'] });
    expect(await ask(client, { type: BLOCK_STATUS, length: MIB })).toMatchObject({ errno: 22 });
  });

  it('of one export are not those of another', async () => {
    const device = new MemoryDevice({ size: MIB });
    const bitmaps = () => [bitmapOf('mine', [])];
    const { connect } = await serve({ name: 'a', device, bitmaps }, { name: 'b', device, bitmaps });
    const client = await connect();
    client.send(u32(3));
    await client.option(OPTION.STRUCTURED_REPLY);
    await client.option(OPTION.SET_META_CONTEXT, metaPayload('a', 'qemu:dirty-bitmap:mine'));
    await client.option(OPTION.GO, infoPayload('b'));
    expect(await ask(client, { type: BLOCK_STATUS, length: MIB })).toMatchObject({
      errno: 22,
      text: 'CMD_BLOCK_STATUS not negotiated',
    });
  });
});

describe('base:allocation', () => {
  class Striped extends MemoryDevice {
    override async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
      const kinds = [
        { zero: true, allocated: false },
        { zero: true, allocated: true },
        { zero: false, allocated: true },
        { zero: false, allocated: false },
      ];
      for (let at = offset, i = 0; at < offset + length; at += 1000, i++) {
        // The last one reaches beyond what was asked for.
        yield { offset: at, length: 1000, ...kinds[i % 4]! };
      }
    }
  }

  it('tells holes from data, with neighbours that are alike made one', async () => {
    const { enter } = await serve({ device: new Striped({ size: MIB }) });
    const client = await enter({ contexts: ['base:allocation'] });
    const { status } = await ask(client, { type: BLOCK_STATUS, offset: 7, length: 5500 });
    expect(status).toEqual(
      new Map([[0, [[2000, 3], [2000, 0], [1500, 3]]]]), // prettier-ignore
    );
  });

  it('gives one run to a client that wants one, all of it', async () => {
    const { enter } = await serve({ device: new Striped({ size: MIB }) });
    const client = await enter({ contexts: ['base:allocation'] });
    for (const [length, expected] of [
      [5500, 2000],
      [1500, 1500],
    ] as const) {
      const fields = { type: BLOCK_STATUS, flags: FLAG.REQ_ONE, length };
      expect((await ask(client, fields)).status).toEqual(new Map([[0, [[expected, 3]]]]));
    }
  });
});
