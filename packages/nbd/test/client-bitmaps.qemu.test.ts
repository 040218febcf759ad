import { join } from 'node:path';
import { connectNbd, type ContextExtent, type NbdDevice } from '@tidemark/nbd';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { extentsOf } from '../../../tools/device/bytes.ts';
import { startQemuNbd, startStorageDaemon } from './support/client-servers.ts';

const MIB = 1024 * 1024;
const SIZE = 8 * MIB;
const FIRST = 'qemu:dirty-bitmap:first';
const SECOND = 'qemu:dirty-bitmap:second';

interface MapEntry {
  readonly offset: number;
  readonly length: number;
  readonly type: number;
}

async function collect(
  device: NbdDevice,
  name: string,
  offset = 0,
  length = device.size - offset,
): Promise<ContextExtent[]> {
  const all: ContextExtent[] = [];
  for await (const extent of device.contextExtents(name, offset, length)) all.push(extent);
  return all;
}

/** What libnbd makes of the same context, neighbours of one type merged as we merge them. */
async function nbdinfoMap(uri: string, context: string): Promise<ContextExtent[]> {
  const text = await run('nbdinfo', '--json', `--map=${context}`, uri);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nbdinfo's own format
  const entries = JSON.parse(text) as readonly MapEntry[];
  const merged: ContextExtent[] = [];
  for (const { offset, length, type } of entries) {
    const last = merged.at(-1);
    if (last?.flags !== type) merged.push({ offset, length, flags: type });
    else merged[merged.length - 1] = { ...last, length: last.length + length };
  }
  return merged;
}

describeWithQemu(
  'contexts of a qcow2 image with bitmaps',
  ['qemu-nbd', 'qemu-storage-daemon', 'qemu-img', 'qemu-io', 'nbdinfo'],
  () => {
    const dir = tempDir();
    const image = join(dir, 'vm.qcow2');
    const io = (...commands: readonly string[]) =>
      run('qemu-io', '-f', 'qcow2', ...commands.flatMap((text) => ['-c', text]), image);

    beforeAll(async () => {
      await run('qemu-img', 'create', '-q', '-f', 'qcow2', image, String(SIZE));
      await io('write -P 1 0 1M');
      await run('qemu-img', 'bitmap', '--add', '-g', '64k', image, 'first');
      await io('write -P 2 128k 64k', 'write -P 2 3M 200k');
      await run('qemu-img', 'bitmap', '--add', '-g', '4k', image, 'second');
      await io('write -P 3 5000 4k', 'write -z 6M 1M', 'write -P 3 8388096 512');
    });

    // Two clients at a time: nbdinfo beside us.
    const options = ['--format=qcow2', '--read-only', '--shared=2'];
    const bitmaps = ['--bitmap=first', '--bitmap=second'];
    const qemuNbd = () => startQemuNbd(dir, ...options, ...bitmaps, image);

    it('are told exactly as libnbd tells them', async () => {
      await using server = await qemuNbd();
      await using device = await connectNbd(server.uri, { contexts: [FIRST, SECOND] });
      expect(device.contexts.toSorted()).toEqual(['base:allocation', FIRST, SECOND]);
      for (const name of device.contexts) {
        const extents = await collect(device, name);
        expect(extents.length).toBeGreaterThan(2);
        expect(extents).toEqual(await nbdinfoMap(server.uri, name));
      }
    });

    it('have the dirty bits of what was written since, to the granule', async () => {
      await using server = await qemuNbd();
      await using device = await connectNbd(server.uri, { contexts: [SECOND] });
      expect(device.contexts).toEqual(['base:allocation', SECOND]);
      expect(await collect(device, SECOND)).toEqual([
        { offset: 0, length: 4096, flags: 0 },
        { offset: 4096, length: 8192, flags: 1 },
        { offset: 12_288, length: 6 * MIB - 12_288, flags: 0 },
        { offset: 6 * MIB, length: MIB, flags: 1 },
        { offset: 7 * MIB, length: MIB - 4096, flags: 0 },
        { offset: SIZE - 4096, length: 4096, flags: 1 },
      ]);
      expect(await collect(device, SECOND, 5000, 8000)).toEqual([
        { offset: 5000, length: 7288, flags: 1 },
        { offset: 12_288, length: 712, flags: 0 },
      ]);
      expect(await collect(device, SECOND, SIZE, 0)).toEqual([]);
    });

    it('of allocation become extents with zeros and what is allocated', async () => {
      await using server = await qemuNbd();
      await using device = await connectNbd(server.uri);
      const extents = await extentsOf(device);
      expect(extents).toEqual(
        (await nbdinfoMap(server.uri, 'base:allocation')).map(({ offset, length, flags }) => ({
          offset,
          length,
          zero: (flags & 2) !== 0,
          allocated: (flags & 1) === 0,
        })),
      );
      expect(extents.some(({ zero }) => zero) && extents.some(({ zero }) => !zero)).toBe(true);
    });

    it('that the server does not have are left out, and refused when asked for', async () => {
      await using server = await qemuNbd();
      const contexts = ['qemu:dirty-bitmap:third', 'qemu:allocation-depth', FIRST];
      await using device = await connectNbd(server.uri, { contexts });
      expect(device.contexts).toEqual(['base:allocation', FIRST]);
      await expect(collect(device, 'qemu:dirty-bitmap:third')).rejects.toMatchObject({
        code: 'DEVICE_UNSUPPORTED',
        message: expect.stringContaining("does not tell 'qemu:dirty-bitmap:third'"),
        context: { hint: expect.stringContaining('ask for it') },
      });
      await expect(collect(device, FIRST, 0, SIZE + 1)).rejects.toMatchObject({
        code: 'OUT_OF_RANGE',
      });
    });

    describe('served by qemu-storage-daemon', () => {
      const disk = `driver=qcow2,node-name=n,read-only=on,file.driver=file,file.filename=${image}`;
      const contexts = 'bitmaps.0=first,bitmaps.1=second,allocation-depth=on';
      const served = `type=nbd,id=e,node-name=n,name=vm,${contexts}`;
      const storageDaemon = () =>
        startStorageDaemon(dir, 'vm', '--blockdev', disk, '--export', served);

      it('are told one by one and all together alike', async () => {
        await using server = await storageDaemon();
        const contexts = [SECOND, FIRST, 'qemu:allocation-depth'];
        await using all = await connectNbd(server.uri, { contexts });
        expect(new Set(all.contexts)).toEqual(new Set(['base:allocation', ...contexts]));
        for (const name of contexts) {
          await using one = await connectNbd(server.uri, { contexts: [name] });
          const alone = await collect(one, name);
          expect(alone.length).toBeGreaterThan(2);
          expect(alone).toEqual(await collect(all, name));
        }
      });

      it('are refused for an export that is not there, in the words of QEMU', async () => {
        await using server = await storageDaemon();
        const other = server.uri.replace('/vm?', '/no%20such?');
        await expect(connectNbd(other, { contexts: [FIRST] })).rejects.toMatchObject({
          code: 'FILE_NOT_FOUND',
          message: expect.stringContaining("export 'no such' not present"),
          context: { where: `nbd drive '${other}'`, hint: expect.any(String) },
        });
      });
    });
  },
);
