import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../../tools/qemu.ts';
import { httpClient, httpConfig, rowOf } from '../support/http-service.ts';
import { end, ServicePlace, startService } from '../support/service.ts';

const TIB = 2 ** 40;

describeWithQemu('a map of what QEMU writes', ['qemu-img', 'qemu-io'], () => {
  const root = tempDir();

  it('shows it on a drive of 16 TiB, from the whole to a granule', async () => {
    const place = new ServicePlace(join(root, 'large'));
    const file = place.path('a.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', file, '16T');
    place.write({
      drives: { a: { file, format: 'qcow2', bitmaps: { nightly: {} } } },
      exports: { a: { drive: 'a' } },
      http: httpConfig(place),
    });
    const service = await startService(place);
    const commands = ['write -P 1 1T 128k', 'write -P 2 9T 64k', 'flush'].flatMap((each) => [
      '-c',
      each,
    ]);
    await run('qemu-io', '-f', 'raw', ...commands, place.uri('a'));
    const client = httpClient(place);
    const whole = await client.map('a', { cells: 16 });
    const isThere = (row: string | undefined) =>
      rowOf(row).flatMap((share, cell) => (share > 0 ? [cell] : []));
    expect(isThere(whole.bitmaps['nightly'])).toEqual([1, 9]);
    expect(isThere(whole.allocated)).toEqual([1, 9]);
    expect(isThere(whole.written)).toEqual([1, 9]);
    const near = await client.map('a', { offset: TIB - 65_536, length: 4 * 65_536, cells: 4 });
    expect(rowOf(near.bitmaps['nightly'])).toEqual([0, 255, 255, 0]);
    expect(rowOf(near.allocated)).toEqual([0, 255, 255, 0]);
    expect((await client.drive('a')).bitmaps[0]?.dirtyBytes).toBe(3 * 65_536);
    expect(await end(service)).toBe(0);
  });
});
