import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import { QmpControl } from '@tidemark/qmp';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../../tools/qemu.ts';
import { Load } from '../support/load.ts';
import { end, GRANULE, reload, ServicePlace, SIZE, startService } from '../support/service.ts';
import { bitmapsOf, dirtyRanges, guestWrite } from '../support/serving.ts';

const root = tempDir();
let places = 0;
const newPlace = () => new ServicePlace(join(root, String(places++)));

const bitmaps = { n: { granularity: '64K' } };

/** What `load` wrote is in the drive, and all of it is dirty. */
async function check(path: string, load: Load, bitmap: string): Promise<void> {
  const ranges = await dirtyRanges(path, bitmap, '--format', 'raw');
  const isDirty = (offset: number) =>
    ranges.some(([from = 0, length = 0]) => from <= offset && offset < from + length);
  const content = readFileSync(path);
  const granules = [...load.written].map(([granule, byte]) => ({
    offset: granule * GRANULE,
    byte,
  }));
  expect(load.unsure).toEqual(new Set());
  expect(granules.filter(({ offset }) => !isDirty(offset))).toEqual([]);
  expect(granules.filter(({ offset, byte }) => content[offset] !== byte)).toEqual([]);
}

describe('a reload', () => {
  it('changes what differs, and clients of what does not stay, while they write', async () => {
    const place = newPlace();
    const kept = { file: await place.drive('kept.raw', 'raw'), format: 'raw', bitmaps };
    const tuned = { file: await place.drive('tuned.raw', 'raw'), format: 'raw', bitmaps };
    const old = { file: await place.drive('old.qcow2', 'qcow2'), format: 'qcow2' };
    const fresh = { file: await place.drive('fresh.qcow2', 'qcow2'), format: 'qcow2', bitmaps };
    place.write({
      drives: { kept, tuned, old },
      exports: { kept: { drive: 'kept' }, tuned: { drive: 'tuned' }, old: { drive: 'old' } },
    });
    const service = await startService(place);
    const loads = await Promise.all(['kept', 'tuned'].map((name) => Load.begin(place.uri(name))));
    const gone = await connectNbd(place.uri('old'));
    await Promise.all(loads.map((load) => load.more(50)));
    place.write({
      drives: {
        kept,
        tuned: { ...tuned, 'tracking-bound': '8M', 'on-tracking-error': 'report' },
        fresh,
      },
      exports: { kept: { drive: 'kept' }, tuned: { drive: 'tuned' }, fresh: { drive: 'fresh' } },
      log: { format: 'json' },
    });
    await reload(service);
    await Promise.all(loads.map((load) => load.more(50)));
    const cutOff = { code: 'CONNECTION_LOST' };
    await expect(gone.read(new Uint8Array(1), 0)).rejects.toMatchObject(cutOff);
    await guestWrite(place.uri('fresh'), 3 * GRANULE, 1);
    await expect(connectNbd(place.uri('old'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    // Back again, and once more without a difference.
    place.write({
      drives: { kept, tuned, old },
      exports: { kept: { drive: 'kept' }, tuned: { drive: 'tuned' }, old: { drive: 'old' } },
    });
    await reload(service);
    await reload(service);
    await guestWrite(place.uri('old'), 0, 1);
    for (const load of loads) {
      await load.more(50);
      await load.stop();
    }
    expect(await end(service)).toBe(0);
    expect(service.lines.join('\n')).not.toContain('nothing is changed');
    await check(place.path('kept.raw'), loads[0]!, 'n');
    await check(place.path('tuned.raw'), loads[1]!, 'n');
    expect(await dirtyRanges(fresh.file, 'n')).toEqual([[3 * GRANULE, GRANULE]]);
    const json = service.lines.find((line) => line.startsWith('{'));
    expect(JSON.parse(json!)).toMatchObject({ level: 'info', program: 'tidemarkd' });
  });

  it('with a mistake leaves all as it was, and tells its place', async () => {
    const place = newPlace();
    const a = { file: await place.drive('a.raw', 'raw'), format: 'raw', bitmaps };
    const b = { file: await place.drive('b.qcow2', 'qcow2'), format: 'qcow2', bitmaps };
    const before = { drives: { a, b }, exports: { a: { drive: 'a' }, b: { drive: 'b' } } };
    place.write(before);
    const service = await startService(place);
    const load = await Load.begin(place.uri('a'));
    const other = await connectNbd(place.uri('b'));
    const { file: image } = b;
    const cases: readonly (readonly [object, RegExp])[] = [
      [
        { drives: { a, b, c: { file: place.path('no.raw'), format: 'raw' } } },
        /config.yaml:4:\d+: drives\.c: .*No such file/,
      ],
      [{ drives: { a, b: { ...b, file: place.path('no.qcow2') } } }, /drives\.b: .*No such file/],
      [
        { drives: { a, b: { ...b, file: a.file, format: 'raw' } } },
        /drives\.b\.file: drive 'a' is this file already/,
      ],
      [
        { drives: { a, b, c: { file: place.path('config.yaml'), format: 'qcow2' } } },
        /drives\.c: .*not in qcow2 format/,
      ],
      [
        { drives: { a, b: { ...b, bitmaps: { n: { granularity: '128K' } } } } },
        /drives\.b\.bitmaps\.n: .*granularity is 65536/,
      ],
      [
        { exports: { a: { drive: 'a' }, b: { drive: 'b', bitmaps: ['none'] } } },
        /exports\.b\.bitmaps: .*'none' is not found/,
      ],
      [{ nbd: { listen: { unix: '/nowhere/nbd.sock' } } }, /nbd: .*No such file/],
      [{ qmp: [{ unix: place.path('config.yaml') }] }, /qmp\[0\]: .*is there and is not a socket/],
      [{ checkpoints: place.dir }, /checkpoints: this cannot be changed/],
    ];
    for (const [change, told] of cases) {
      place.write({ ...before, ...change });
      const from = service.lines.length;
      await reload(service);
      expect(service.lines.slice(from).join('\n')).toMatch(told);
    }
    writeFileSync(place.config, 'drives: [');
    await reload(service);
    await load.more(10);
    await load.stop();
    await other.write(new Uint8Array(1), 0);
    await other.close();
    const { body } = await place.get('/metrics');
    expect(body).toContain(`tidemark_config_reloads_total{result="failed"} ${cases.length + 1}`);
    expect(body).toContain('tidemark_config_last_reload_successful 0');
    expect(await end(service)).toBe(0);
    await check(a.file, load, 'n');
    expect(await dirtyRanges(image, 'n')).toEqual([[0, GRANULE]]);
  });

  it('comes over QMP too, and leaves alone what QMP has made', async () => {
    const place = newPlace();
    const a = { file: await place.drive('a.qcow2', 'qcow2'), format: 'qcow2' };
    place.write({ drives: { a, m: { node: { driver: 'memory', size: SIZE } } } });
    const service = await startService(place);
    await using qmp = await QmpControl.connect(place.path('qmp.sock'));
    await qmp.call('blockdev-add', { driver: 'null-co', 'node-name': 'own', size: SIZE });
    await qmp.call('block-export-add', { type: 'nbd', id: 'mine', 'node-name': 'm' });
    place.write({ drives: { a: { ...a, bitmaps: { n: null } } } });
    const again = () => qmp.call('x-tidemark-reload');
    await expect(again()).rejects.toThrow(
      "drive 'm' cannot go or be changed: export 'mine' uses it",
    );
    await qmp.call('block-export-del', { id: 'mine' });
    expect(await again()).toEqual({});
    const names = async () =>
      (await qmp.call('query-named-block-nodes')).map((node) => node['node-name']).toSorted();
    expect((await names()).filter((name) => !name.startsWith('#'))).toEqual(['a', 'own']);
    // What QMP has taken away comes again.
    await qmp.call('blockdev-del', { 'node-name': 'a' });
    expect(await again()).toEqual({});
    expect(await names()).toContain('a');
    // The socket of the one who asks may go by it.
    place.write({ drives: { a }, qmp: [] });
    expect(await again()).toEqual({});
    await service.until('the configuration is read again');
    expect(await end(service)).toBe(0);
    expect(await bitmapsOf(a.file)).toMatchObject({ n: { enabled: true } });
  });

  it('changes bitmaps as the file says, and keeps those that it names no longer', async () => {
    const place = newPlace();
    const file = await place.drive('a.qcow2', 'qcow2');
    const drive = (wanted: object) => ({
      drives: { a: { file, format: 'qcow2', bitmaps: wanted } },
    });
    place.write(drive({ kept: null, gone: null, off: null, short: { persistent: false } }));
    const service = await startService(place);
    place.write(
      drive({ gone: { absent: true }, off: { enabled: false }, added: { granularity: 4096 } }),
    );
    await reload(service);
    await using qmp = await QmpControl.connect(place.path('qmp.sock'));
    const nodes = await qmp.call('query-named-block-nodes');
    const found = nodes.find((node) => node['node-name'] === 'a')?.['dirty-bitmaps'] ?? [];
    const names = new Set(found.map(({ name }) => name));
    expect(names).toEqual(new Set(['added', 'kept', 'off']));
    expect(await end(service)).toBe(0);
    expect(await bitmapsOf(file)).toMatchObject({
      added: { enabled: true, granularity: 4096 },
      kept: { enabled: true },
      off: { enabled: false },
    });
  });

  it('takes other keys of TLS, and who came by the old ones stays', async () => {
    const place = newPlace();
    const keys = place.path('keys.psk');
    const [first, second] = ['11'.repeat(32), '22'.repeat(32)];
    const give = (hex: string) => writeFileSync(keys, `guest:${hex}\n`, { mode: 0o600 });
    const nbd = (allow: readonly unknown[]) => ({
      listen: { unix: place.path('nbd.sock') },
      tls: { type: 'psk', dir: place.dir, allow },
    });
    const clientKeys = (hex: string) => {
      writeFileSync(place.path(`client-${hex.slice(0, 2)}.psk`), `guest:${hex}\n`, { mode: 0o600 });
      const file = encodeURIComponent(place.path(`client-${hex.slice(0, 2)}.psk`));
      const socket = encodeURIComponent(place.path('nbd.sock'));
      return `nbds+unix://guest@/m?socket=${socket}&tls-psk-file=${file}`;
    };
    const config = {
      drives: { m: { node: { driver: 'memory', size: SIZE } } },
      exports: { m: { drive: 'm' } },
      log: { level: 'debug', format: 'json' },
    };
    give(first);
    place.write({ ...config, nbd: nbd(['guest']) });
    const service = await startService(place);
    const old = await connectNbd(clientKeys(first));
    give(second);
    await reload(service);
    const fresh = await connectNbd(clientKeys(second));
    await expect(connectNbd(clientKeys(first))).rejects.toThrow('nbd drive');
    place.write({ ...config, nbd: nbd([{ glob: 'other*' }]) });
    await reload(service);
    await expect(connectNbd(clientKeys(second))).rejects.toThrow('nbd drive');
    await old.write(new Uint8Array(1), 0);
    await fresh.write(new Uint8Array(1), 0);
    await old.close();
    await fresh.close();
    expect(await end(service)).toBe(0);
    const log = service.lines.join('\n');
    for (const key of [first, second]) expect(log).not.toContain(key);
    const entered = service.lines.map((line) => JSON.parse(line) as object);
    expect(entered).toContainEqual(
      expect.objectContaining({ client: 1, export: 'm', level: 'debug' }),
    );
  });
});
