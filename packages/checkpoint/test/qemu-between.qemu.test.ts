import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { Recorded } from './support/recorded.ts';
import { makeCheckpoint, recover } from './support/recovery.ts';
import { GRANULE, makeFiles, OLD, SET } from './support/three-drives.ts';
import { VolatileFiles } from '../../../tools/device/volatile-files.ts';

/** The granule that QEMU writes. */
const WRITTEN = 9;
/** A crash at each moment of the change is looked at, and at one of so many before and after it. */
const EVERY = 8;

const bitmap = (path: string, ...what: readonly string[]) =>
  run('qemu-img', 'bitmap', ...what, path, 'n');

/** What QEMU does with the first image before it writes to it. */
const SESSIONS: readonly (readonly [string, (path: string) => Promise<unknown>])[] = [
  ['writes it', async () => {}],
  ['clears its bitmap and writes it', (path) => bitmap(path, '--clear')],
  [
    'makes its bitmap anew and writes it',
    async (path) => {
      await bitmap(path, '--remove');
      await bitmap(path, '--add', '-g', String(GRANULE));
    },
  ],
];

describeWithQemu('a checkpoint that a crash has cut off', ['qemu-img', 'qemu-io'], () => {
  const path = join(tempDir(), 'first.qcow2');

  it.each(SESSIONS)(
    'misses nothing where QEMU has one of its drives before its recovery, and %s',
    async (_, act) => {
      const recorded = await Recorded.on({
        files: await makeFiles(),
        folder: new VolatileFiles(),
      });
      await makeCheckpoint(recorded);
      const outcomes = new Set<string | undefined>();
      let unfinished = 0;
      for (let moment = 0; moment < recorded.momentCount; moment++) {
        const { files, folder } = await recorded.cut(moment, () => true);
        const isUnderWay = folder.names.some((name) => name.endsWith('.json'));
        if (!isUnderWay && moment % EVERY > 0) continue;
        unfinished += isUnderWay ? 1 : 0;
        writeFileSync(path, await bytesOf(files[0]!));
        await act(path);
        const write = `write -P 7 ${WRITTEN * GRANULE} ${GRANULE}`;
        await run('qemu-io', '-f', 'qcow2', '-t', 'unsafe', '-c', write, path);
        const image = readFileSync(path);
        const first = new MemoryDevice({ size: image.length });
        await first.write(image, 0);

        const devices = [first, files[1]!, files[2]!];
        const found = await recover({ devices, folder }, [0, 1, 2]);
        const about = { moment, found };
        // Whatever it tells: QEMU has written after any checkpoint that it can be of.
        expect(found[0]?.dirty, JSON.stringify(about)).toContain(WRITTEN);
        const [own, second, third] = found.map((state) => state?.checkpoint);
        outcomes.add(second);
        // Nobody tells of a checkpoint that the others have not; QEMU makes them forgotten.
        const told = second === SET ? SET : undefined;
        expect({ ...about, third }).toEqual({ ...about, third: told });
        expect([undefined, told], JSON.stringify(about)).toContain(own);
        expect(folder.names.filter((name) => name.endsWith('.json'))).toEqual([]);
        writeFileSync(path, await bytesOf(first));
        await run('qemu-img', 'check', '-q', '-r', 'leaks', path);
      }
      expect(unfinished).toBeGreaterThan(2);
      expect(outcomes).toEqual(new Set([OLD, SET]));
    },
  );
});

async function bytesOf(device: MemoryDevice): Promise<Uint8Array> {
  const bytes = new Uint8Array(device.size);
  await device.read(bytes, 0);
  return bytes;
}
