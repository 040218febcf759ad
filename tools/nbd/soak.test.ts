import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../qemu.ts';
import { soakNbd } from './soak-cases.ts';

const folder = tempDir();

it('serves clients that come and are cut off, and its bitmaps miss nothing', async () => {
  const seed = Date.now() % 2 ** 31;
  const socket = join(folder, 's');
  const report = await soakNbd({ connections: 50, milliseconds: 3000, seed, socket });
  const clean = { missed: 0, tooMany: 0, descriptorsLeft: 0 };
  expect(report, `seed ${seed}`).toMatchObject(clean);
  expect(report.writes).toBeGreaterThan(50);
  expect(report.drops).toBeGreaterThan(5);
});
