import { appendFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { makeDrive } from './support/drives.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 1024 * 1024;

it('says why the bitmaps of a raw drive that was changed without them are inconsistent', async () => {
  const dir = tempDir();
  const path = join(dir, 'disk.raw');
  await makeDrive(path, 'raw', 4 * MiB, [{ offset: 0, length: MiB, byte: 9 }]);
  await succeed('bitmap', 'add', path, 'a');
  expect(await succeedJson('bitmap', 'list', path)).toMatchObject([{ state: 'stored' }]);
  appendFileSync(path, 'more');
  truncateSync(path, 4 * MiB);
  const why = expect.stringContaining('the drive was written behind its bitmaps: last at ');
  expect(await succeedJson('bitmap', 'list', path)).toMatchObject([
    { name: 'a', state: 'inconsistent', reason: why, dirtyBytes: null },
  ]);
  expect(await succeedJson('info', path)).toMatchObject({
    bitmaps: [{ name: 'a', state: 'inconsistent', reason: why }],
  });
  expect(await succeed('bitmap', 'list', path)).toMatch(
    /^a cannot be trusted: the drive was written behind its bitmaps/m,
  );
  expect(await succeed('info', path)).toMatch(
    /^ {2}a: .*inconsistent: the drive was written behind its bitmaps/m,
  );
  expect(await fail('backup', path, join(dir, 'backups'), '--bitmap', 'a')).toMatchObject({
    code: 'BITMAP_INCONSISTENT',
    message: why,
  });
  await succeed('bitmap', 'remove', path, 'a');
  await succeed('bitmap', 'add', path, 'a');
  expect(await succeedJson('bitmap', 'list', path)).toMatchObject([{ state: 'stored' }]);
});
