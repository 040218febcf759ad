import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { BlockGraph } from '@tidemark/graph';
import { parkBitmaps } from '@tidemark/tracking';
import { describe, expect, it } from 'vitest';
import { CuttingProxy } from '../../../packages/graph/test/support/cutting-proxy.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { adoptedOf, composeDrives } from '../src/compose.ts';
import { parseOptions } from '../src/options/parse-options.ts';

const SIZE = 1024 * 1024;
const GRANULE = 65_536;
const root = tempDir();
let count = 0;
const unix = (path: string) => ({ type: 'unix', path }) as const;

/** Two daemons on one drive, of which the source was given it by options. */
async function newPair(format: 'raw' | 'qcow2', ...options: readonly string[]) {
  const dir = join(root, String(count++));
  mkdirSync(dir);
  const path = join(dir, 'vm.img');
  await (await createDrive(path, { format, size: SIZE })).device.close();
  const warnings: string[] = [];
  const log = (text: string) => void warnings.push(text);
  const open = (...more: readonly string[]) => {
    const all = [`file=${path},id=vm,tracking-bound=8M`, ...more];
    return composeDrives(parseOptions(['-drive', ...all]), log);
  };
  const source = new BlockGraph({ log });
  const target = new BlockGraph({ log });
  for (const [side, graph] of [
    ['source', source],
    ['target', target],
  ] as const) {
    await graph.nbd.start({ address: unix(join(dir, `${side}.nbd`)) });
  }
  const adopt = async (more: readonly string[]) => {
    const [served] = await open(...more);
    return source.adopt(adoptedOf(served!));
  };
  const node = await adopt(options.map((option) => option.replace('DIR', dir)));
  await source.exports.addWhole(node);
  const file = { driver: 'file', filename: path } as const;
  const [listening, between] = [join(dir, 'target.sock'), join(dir, 'between.sock')];
  await target.handOvers.expect({
    options: { driver: format, 'node-name': 'there', file },
    address: unix(listening),
  });
  const proxy = await CuttingProxy.start(between, listening);
  const close = async () => {
    await proxy[Symbol.asyncDispose]();
    await target.close();
    await source.close();
  };
  const to = unix(between);
  const give = (timeout = 5000) => source.handOvers.give({ node: 'vm', to, timeout });
  return { source, target, node, proxy, give, open, warnings, [Symbol.asyncDispose]: close };
}

const MADE = [
  ...['-dirty-bitmap', 'name=kept,create=on'],
  ...['-dirty-bitmap', 'name=memory,create=on,persistent=off'],
] as const;

const write = async (graph: BlockGraph, node: string, granule: number) =>
  graph.nodes.get(node)!.device.write(new Uint8Array(512).fill(1), granule * GRANULE);

async function counts(graph: BlockGraph, node: string) {
  const infos = (await graph.nodes.get(node)!.tracked?.list()) ?? [];
  return Object.fromEntries(infos.map((info) => [info.name, info.count / GRANULE]));
}

describe.each(['raw', 'qcow2'] as const)('a %s drive of -drive', (format) => {
  it('is handed over with its bitmaps, policies and export', async () => {
    await using pair = await newPair(format, ...MADE);
    const { source, target, give } = pair;
    await write(source, 'vm', 0);
    await give();
    expect(source.nodes.list()).toEqual([]);
    expect(source.exports.list()).toEqual([]);
    expect(target.exports.list()).toMatchObject([{ id: 'vm', node: 'there' }]);
    await write(target, 'there', 3);
    expect(await counts(target, 'there')).toEqual({ kept: 2, memory: 2 });
    const wanted = { discard: 'unmap', 'x-tidemark-tracking-bound': 8 * SIZE };
    expect(target.nodes.get('there')!.options).toMatchObject(wanted);
  });

  it('goes on where it was if it is not taken, and is given the next time', async () => {
    await using pair = await newPair(format, ...MADE);
    const { source, target, give, proxy } = pair;
    await write(source, 'vm', 0);
    proxy.onMessage = (type) => type !== 'take';
    await expect(give()).rejects.toThrow('it goes on here');
    await write(source, 'vm', 1);
    expect(await counts(source, 'vm')).toEqual({ kept: 2, memory: 2 });
    proxy.onMessage = () => true;
    await give();
    expect(await counts(target, 'there')).toEqual({ kept: 2, memory: 2 });
  });

  it('is stopped where the target may have it, and can be resumed', async () => {
    await using pair = await newPair(format, ...MADE);
    const { source, target, node, give, proxy } = pair;
    proxy.onMessage = (type) => type !== 'taken';
    await expect(give(300)).rejects.toThrow('it is stopped here');
    await expect(node.drive()).rejects.toThrow('it is being handed over');
    await expect(source.handOvers.resume('vm')).rejects.toMatchObject({ code: 'LOCKED' });
    await write(target, 'there', 5);
    await target.close();
    await source.handOvers.resume('vm');
    await write(source, 'vm', 6);
    expect(await counts(source, 'vm')).toEqual({ kept: 2 });
    expect(source.exports.list()).toMatchObject([{ id: 'vm', node: 'vm' }]);
  });

  it('that was let go of and never taken loses what was parked before it is written', async () => {
    await using pair = await newPair(format, ...MADE);
    const { source, node, open, warnings } = pair;
    await parkBitmaps(node.tracked!, '0'.repeat(32));
    await source.close();
    const [served] = await open();
    const { tracked } = served!;
    expect((await tracked.list()).map(({ name }) => name)).toEqual(['kept']);
    await tracked.close();
    expect(warnings.join('\n')).toContain('was being handed over when both sides ended');
  });
});

describe('a drive of -drive is refused', () => {
  it('where a bitmap of it would stay behind', async () => {
    const there = 'name=n,create=on,file=DIR/elsewhere.qcow2';
    await using pair = await newPair('raw', ...MADE, '-dirty-bitmap', there);
    await expect(pair.give()).rejects.toThrow("has bitmaps in '");
    await write(pair.source, 'vm', 0);
    expect(await counts(pair.source, 'vm')).toEqual({ kept: 1, memory: 1, n: 1 });
  });

  it('where it has no place for bitmaps', async () => {
    await using pair = await newPair('raw');
    await expect(pair.give()).rejects.toThrow('make its sidecar first');
  });
});

const HEADER = Buffer.from('QFI\xfb\0\0\0\x03', 'latin1');

it('a drive whose format was guessed is made an image by no guest, where it goes on neither', async () => {
  await using pair = await newPair('raw', ...MADE);
  const { source, node, give, proxy } = pair;
  const refusal = { code: 'PERMISSION_DENIED' };
  await expect(node.device.write(HEADER, 0)).rejects.toMatchObject(refusal);
  proxy.onMessage = (type) => type !== 'take';
  await expect(give()).rejects.toThrow('it goes on here');
  expect(node.device.size).toBe(SIZE);
  expect(await counts(source, 'vm')).toEqual({ kept: 1, memory: 1 });
  await expect(node.device.write(HEADER, 0)).rejects.toMatchObject(refusal);
});

it('a drive that has the header of an image by then is opened as it was', async () => {
  const path = join(root, 'written.img');
  await (await createDrive(path, { format: 'raw', size: SIZE })).device.close();
  const [drive] = await composeDrives(parseOptions(['-drive', `file=${path},id=vm`]), () => {});
  await drive!.tracked.close();
  const file = await open(path, 'r+');
  await file.write(HEADER, 0, HEADER.length, 0);
  await file.close();
  const again = await drive!.reopening!.open();
  expect(again.drive?.format).toBe('raw');
  expect(again.tracked.device.size).toBe(SIZE);
  await again.tracked.close();
});
