import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { connectNbd } from '@tidemark/nbd';
import { expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { eitherOf, Side } from './campaign/hand-over-pair.ts';
import { dirtyRanges } from './support/serving.ts';

const SIZE = 16 * 1024 * 1024;
const GRANULE = 65_536;
const GRANULES = SIZE / GRANULE;
const root = tempDir();

const granulesOf = (ranges: readonly (readonly number[])[]) =>
  ranges.flatMap(([offset = 0, length = 0]) =>
    Array.from({ length: length / GRANULE }, (_, at) => offset / GRANULE + at),
  );

const sorted = (granules: Iterable<number>) => [...granules].toSorted((a, b) => a - b);

async function shown(socket: string): Promise<readonly number[]> {
  const context = 'qemu:dirty-bitmap:n';
  await using disk = await connectNbd(`nbd+unix:///vm?socket=${socket}`, { contexts: [context] });
  const ranges: [number, number][] = [];
  let at = 0;
  for await (const { flags, length } of disk.contextExtents(context, 0, SIZE)) {
    if (flags === 1) ranges.push([at, length]);
    at += length;
  }
  return granulesOf(ranges);
}

it.each(['raw', 'qcow2'] as const)(
  'a bitmap of a %s drive that is frozen stays so at the target, and ends there with what was written since',
  async (format) => {
    const dir = join(root, format);
    mkdirSync(dir);
    const path = join(dir, 'vm.img');
    await (await createDrive(path, { format, size: SIZE })).device.close();
    const drive = ['-drive', `file=${path},format=${format},id=vm`];
    const source = await Side.start(
      ...([dir, 'source', ...drive] as const),
      ...['-dirty-bitmap', 'name=n,create=on'],
    );
    const target = await Side.start(dir, 'target');
    const service = join(dir, 'service.nbd');
    let written = new Set<number>();
    const router = await eitherOf(service, [source.nbd, target.nbd]);
    try {
      const uri = `nbd+unix:///vm?socket=${service}`;
      await using disk = await connectNbd(uri, { reconnect: 30_000 });
      const writeTo = (granule: number) =>
        disk.write(new Uint8Array(512).fill(1), granule * GRANULE);
      for (const granule of [0, 1, 7]) await writeTo(granule);
      // Or a client that comes back would write them once more.
      await disk.flush();
      const bitmap = { node: 'vm', name: 'n' };
      const { id } = (await source.qmp.execute('x-tidemark-bitmap-freeze', bitmap)) as {
        id: string;
      };
      const since = new Set<number>();
      const over = new AbortController();
      const writing = (async () => {
        for (let count = 0; !over.signal.aborted; count++) {
          // Of half of them, again and again.
          const granule = ((count * 37) % (GRANULES / 2)) * 2;
          since.add(granule);
          await writeTo(granule);
        }
      })();
      const addr = { type: 'unix', path: join(dir, 'target.ho') };
      const file = { driver: 'file', filename: path };
      const node = { driver: format, 'node-name': 'vm', file };
      await target.qmp.execute('x-tidemark-handover-expect', { node, addr });
      const before = since.size;
      await source.qmp.execute('x-tidemark-handover-start', { node: 'vm', to: addr, timeout: 30 });
      // Written at the target, too.
      await writeTo([...since][0]!);
      over.abort();
      await writing;
      expect(before).toBeGreaterThan(0);
      expect(await shown(target.nbd)).toEqual([0, 1, 7]);
      await target.qmp.execute('x-tidemark-bitmap-release', { ...bitmap, id, clear: true });
      expect(await shown(target.nbd)).toEqual(sorted(since));
      written = since;
    } finally {
      router.close();
      for (const side of [source, target]) expect(await side.end()).toBeUndefined();
    }
    const kept = granulesOf(await dirtyRanges(path, 'n', '--format', format));
    expect(kept).toEqual(sorted(written));
  },
  60_000,
);
