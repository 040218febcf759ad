import { join } from 'node:path';
import fc from 'fast-check';
import { connectNbd } from '@tidemark/nbd';
import { QmpControl } from '@tidemark/qmp';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../../tools/qemu.ts';
import { exposition } from '../../src/metrics/exposition.ts';
import { parseExposition } from '../support/parse-exposition.ts';
import { end, GRANULE, ServicePlace, SIZE, startService } from '../support/service.ts';

const root = tempDir();

describe('metrics', () => {
  it('tell of drives, bitmaps, exports and jobs what there is to tell', async () => {
    const place = new ServicePlace(join(root, '0'));
    const file = await place.drive('a.qcow2', 'qcow2');
    place.write({
      drives: { a: { file, format: 'qcow2', bitmaps: { 'odd "name"\\': { granularity: '64K' } } } },
      exports: { a: { drive: 'a' } },
    });
    const service = await startService(place);
    const scrape = async () => parseExposition((await place.get('/metrics')).body).samples;
    const bitmap = String.raw`{node="a",bitmap="odd \"name\"\\"}`;
    const before = await scrape();
    expect(before.get(`tidemark_bitmap_dirty_bytes${bitmap}`)).toBe(0);
    const disk = await connectNbd(place.uri('a'));
    await disk.write(new Uint8Array(100), 0);
    await disk.write(new Uint8Array(50), 9 * GRANULE);
    await disk.read(new Uint8Array(512), 0);
    await disk.flush();
    await using qmp = await QmpControl.connect(place.path('qmp.sock'));
    await qmp.call('blockdev-add', { driver: 'null-co', 'node-name': 't', size: SIZE });
    await qmp.call('blockdev-backup', { device: 'a', target: 't', sync: 'none', 'job-id': 'j' });
    const after = await scrape();
    const exported = (kind: string) => `{export="a",node="a",kind="${kind}"}`;
    const expected = {
      [`tidemark_bitmap_dirty_bytes${bitmap}`]: 2 * GRANULE,
      [`tidemark_bitmap_recording${bitmap}`]: 1,
      [`tidemark_bitmap_inconsistent${bitmap}`]: 0,
      [`tidemark_export_requests_total${exported('write')}`]: 2,
      [`tidemark_export_bytes_total${exported('write')}`]: 150,
      [`tidemark_export_requests_total${exported('read')}`]: 1,
      [`tidemark_export_bytes_total${exported('read')}`]: 512,
      [`tidemark_export_requests_total${exported('flush')}`]: 1,
      [`tidemark_export_errors_total${exported('write')}`]: 0,
      'tidemark_export_clients{export="a",node="a"}': 1,
      tidemark_nbd_clients: 1,
      tidemark_qmp_clients: 1,
      tidemark_jobs: 1,
      'tidemark_node_size_bytes{node="a",driver="qcow2"}': SIZE,
      tidemark_ready: 1,
    };
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, after.get(key)]))).toEqual(
      expected,
    );
    expect(
      [...after.keys()].some((key) => key.startsWith('tidemark_job_total_bytes{job="j"')),
    ).toBe(true);
    await disk.close();
    expect(await end(service)).toBe(0);
  });

  it('come with health, and nothing else', async () => {
    const place = new ServicePlace(join(root, '1'));
    place.write({ drives: { m: { node: { driver: 'memory', size: SIZE } } } });
    const service = await startService(place);
    expect(await place.get('/healthz')).toEqual({ status: 200, body: 'ok\n' });
    expect(await place.get('/readyz?verbose')).toEqual({ status: 200, body: 'ok\n' });
    expect((await place.get('/')).status).toBe(404);
    expect((await place.get('/../etc/passwd')).status).toBe(404);
    expect(await end(service)).toBe(0);
  });

  it('are in the format whatever names and numbers there are', () => {
    const labels = fc.dictionary(fc.constantFrom('node', 'bitmap'), fc.string({ unit: 'binary' }));
    const samples = fc.uniqueArray(fc.record({ labels, value: fc.double() }), {
      selector: ({ labels: each }) => JSON.stringify(Object.entries(each)),
      minLength: 1,
    });
    fc.assert(
      fc.property(samples, (some) => {
        const metric = { name: 'm', help: 'what\nis \\ it', type: 'gauge', samples: some } as const;
        const parsed = parseExposition(exposition([metric]));
        expect([...parsed.samples.values()]).toEqual(
          some.map(({ value }) => (value === 0 ? 0 : value)),
        );
      }),
    );
    for (const wrong of [
      'm 1\n',
      '# HELP m a\n# TYPE m gauge\nm 1',
      '# HELP m a\n# TYPE m gauge\nm{a=b} 1\n',
      '# HELP m a\n# TYPE m gauge\nm 1\nm 1\n',
      '# HELP m a\n# TYPE m counter\nm 1\n',
      '# HELP m a\n# TYPE m gauge\nm x\n',
    ]) {
      expect(() => parseExposition(wrong)).toThrow(/m|line/);
    }
  });
});
