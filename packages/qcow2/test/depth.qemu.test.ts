import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openQcow2 } from '../src/index.ts';

/** What QEMU says of each byte, merged: start, end, layer. */
async function byQemu(dir: string, image: string): Promise<unknown> {
  const socket = join(dir, 'socket');
  const pidFile = join(dir, 'pid');
  await run('qemu-nbd', '--fork', '-r', '-A', '--pid-file', pidFile, '-k', socket, image);
  const context = '--map=qemu:allocation-depth';
  const uri = `nbd+unix:///?socket=${socket}`;
  const runs = JSON.parse(await run('nbdinfo', '--json', context, uri)) as {
    offset: number;
    length: number;
    type: number;
  }[];
  return runs.map(({ offset, length, type }) => [offset, length, type]);
}

async function byUs(device: BlockDevice): Promise<unknown> {
  const runs: [number, number, number][] = [];
  for await (const { offset, length, depth } of device.extents(0, device.size)) {
    const last = runs.at(-1);
    if (last !== undefined && last[2] === depth) last[1] += length;
    else runs.push([offset, length, depth!]);
  }
  return runs;
}

async function openImage(path: string): Promise<BlockDevice> {
  return openQcow2(await openFileDevice(path), {
    openBacking: async (name, format) => {
      const backing = join(path, '..', name);
      return format === 'raw' ? openFileDevice(backing) : openImage(backing);
    },
  });
}

describeWithQemu(
  'the layers of a backing chain',
  ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'],
  () => {
    const dir = tempDir();
    const at = (name: string) => join(dir, name);

    it('are told as QEMU tells them', async () => {
      await run('qemu-img', 'create', '-q', '-f', 'raw', at('0.raw'), '1M');
      await run('qemu-io', '-f', 'raw', '-c', 'write -P 1 0 128k', at('0.raw'));
      const over = (name: string, backing: string, format: string, size: string) =>
        run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', backing, '-F', format, at(name), size);
      await over('1.qcow2', '0.raw', 'raw', '2M');
      await run('qemu-io', '-c', 'write -P 2 512k 64k', '-c', 'write -z 1536k 64k', at('1.qcow2'));
      await over('2.qcow2', '1.qcow2', 'qcow2', '3M');
      await run('qemu-io', '-c', 'write -P 3 64k 64k', '-c', 'write -z 2560k 64k', at('2.qcow2'));
      for (const name of ['1.qcow2', '2.qcow2']) {
        const image = await openImage(at(name));
        expect(await byUs(image)).toEqual(await byQemu(dir, at(name)));
        await image.close();
      }
      expect(readFileSync(at('0.raw')).length).toBe(2 ** 20);
    });

    it('end with none where nothing is allocated anywhere', async () => {
      await run('qemu-img', 'create', '-q', '-f', 'qcow2', at('alone.qcow2'), '1M');
      await run('qemu-io', '-c', 'write -P 3 64k 64k', at('alone.qcow2'));
      const image = await openImage(at('alone.qcow2'));
      expect(await byUs(image)).toEqual(await byQemu(dir, at('alone.qcow2')));
      await image.close();
    });
  },
);
