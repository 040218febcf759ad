import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../../tools/qemu.ts';
import { Load } from '../support/load.ts';
import { end, GRANULE, ServicePlace, spawnService, startService } from '../support/service.ts';
import { dirtyRanges, guestWrite } from '../support/serving.ts';

const root = tempDir();
let places = 0;
const newPlace = () => new ServicePlace(join(root, String(places++)));
const bitmaps = { n: { granularity: '64K' } };

/** A place with a drive of each format, exported. */
async function twoDrives(): Promise<ServicePlace> {
  const place = newPlace();
  place.write({
    drives: {
      a: { file: await place.drive('a.raw', 'raw'), format: 'raw', bitmaps },
      b: { file: await place.drive('b.qcow2', 'qcow2'), format: 'qcow2', bitmaps },
    },
    exports: { a: { drive: 'a' }, b: { drive: 'b' } },
  });
  return place;
}

describe('a service', () => {
  it('that is told to end under load stores what was answered, and its clients hear of it', async () => {
    const place = await twoDrives();
    const service = await startService(place);
    const loads = await Promise.all(
      ['a', 'a', 'b', 'b'].map((name) => Load.begin(place.uri(name))),
    );
    await Promise.all(loads.map((load) => load.more(100)));
    expect(await end(service)).toBe(0);
    for (const load of loads) {
      expect(await load.ended).toMatchObject({ code: 'CONNECTION_LOST' });
    }
    expect(service.lines).toContainEqual(expect.stringContaining('closing on SIGTERM'));
    for (const [file, format, mine] of [
      ['a.raw', 'raw', loads.slice(0, 2)],
      ['b.qcow2', 'qcow2', loads.slice(2)],
    ] as const) {
      const path = place.path(file);
      const ranges = await dirtyRanges(path, 'n', '--format', format);
      const isDirty = (offset: number) =>
        ranges.some(([from = 0, length = 0]) => from <= offset && offset < from + length);
      const written = new Set(mine.flatMap((load) => [...load.written.keys()]));
      expect([...written].filter((granule) => !isDirty(granule * GRANULE))).toEqual([]);
    }
    // Each granule of the raw drive holds what one of its two writers wrote last.
    const content = readFileSync(place.path('a.raw'));
    const [one, other] = loads;
    for (const granule of one!.written.keys()) {
      if (one!.unsure.has(granule) || other!.unsure.has(granule)) continue;
      const found = content[granule * GRANULE];
      expect([one!.written.get(granule), other!.written.get(granule)]).toContain(found);
    }
    expect(existsSync(place.path('nbd.sock'))).toBe(false);
  });

  it('is not started twice: the second says which drive, and the first goes on', async () => {
    const place = await twoDrives();
    const first = await startService(place);
    const load = await Load.begin(place.uri('a'));
    const other = new ServicePlace(join(root, `${places++}`));
    const drives = { vm: { file: place.path('a.raw'), format: 'raw' } };
    other.write({ drives, exports: { vm: { drive: 'vm' } } });
    const second = spawnService(other);
    expect(await second.ended).toBe(5);
    expect(second.lines.join('\n')).toMatch(/drives\.vm: .*a\.raw.*lock/);
    // With the very same configuration it stops at a socket, before it looks at a drive.
    const third = spawnService(place);
    expect(await third.ended).toBe(5);
    expect(third.lines.join('\n')).toMatch(/qmp\[0\]: something listens on '.*qmp\.sock' already/);
    await load.more(20);
    await load.stop();
    expect(await end(first)).toBe(0);
    expect((await dirtyRanges(place.path('a.raw'), 'n', '--format', 'raw')).length).toBeGreaterThan(
      0,
    );
  });

  it('takes over the sockets that a crash has left, and bitmaps with them', async () => {
    const place = await twoDrives();
    const first = await startService(place);
    await guestWrite(place.uri('a'), 5 * GRANULE, 1);
    first.kill('SIGKILL');
    await first.ended;
    for (const socket of ['nbd.sock', 'qmp.sock', 'metrics.sock']) {
      expect(existsSync(place.path(socket))).toBe(true);
    }
    const second = await startService(place);
    const disk = await connectNbd(place.uri('a'));
    await disk.close();
    expect((await place.get('/readyz')).status).toBe(200);
    expect(await end(second)).toBe(0);
    const ranges = await dirtyRanges(place.path('a.raw'), 'n', '--format', 'raw');
    const at = 5 * GRANULE;
    expect(ranges.some(([from = 0, length = 0]) => from <= at && at < from + length)).toBe(true);
  });

  it('does not begin with a mistake, and changes no file', async () => {
    const place = await twoDrives();
    const before = readFileSync(place.path('a.raw'));
    place.write({
      drives: {
        a: { file: place.path('a.raw'), format: 'raw', bitmaps },
        x: { file: place.path('missing.qcow2'), format: 'qcow2' },
      },
    });
    const service = spawnService(place);
    expect(await service.ended).toBe(3);
    expect(service.lines.join('\n')).toMatch(/config\.yaml:4:\d+: drives\.x: .*No such file/);
    expect(readFileSync(place.path('a.raw'))).toEqual(before);
    expect(existsSync(place.path('a.raw.tidemark.qcow2'))).toBe(false);
    place.write({ drives: { a: {} }, log: { level: 3 } });
    const other = spawnService(place);
    expect(await other.ended).toBe(2);
    expect(other.lines).toHaveLength(3);
  });
});
