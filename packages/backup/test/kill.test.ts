import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restore, verify } from '../src/index.ts';
import { TestDevice } from './support/test-device.ts';
import { TrackedDrive } from './support/tracked-drive.ts';

const CHILD = fileURLToPath(new URL('support/killed-backup.ts', import.meta.url));

let root = '';
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'tidemark-backup-'));
});
afterAll(async () => await fs.rm(root, { recursive: true }));

function killAt(directory: string, call: number) {
  const args = ['--conditions=@tidemark/source', CHILD, directory, String(call)];
  return spawnSync(process.execPath, args, { encoding: 'utf8' });
}

describe('a backup that is killed', () => {
  it('is told by nothing but leftovers, which the next one takes away', async () => {
    const whole = killAt(join(root, 'whole'), -1);
    const total = Number(/done after (\d+) calls/.exec(whole.stdout)?.[1]);
    expect({ total, stderr: whole.stderr }).toEqual({ total: expect.any(Number), stderr: '' });
    expect(total).toBeGreaterThan(20);
    for (let call = 4; call <= total; call += 3) {
      const directory = join(root, String(call));
      expect(killAt(directory, call).signal).toBe('SIGKILL');
      const drive = new TrackedDrive(256 * 1024);
      await drive.fill(0, 100_000, 1);
      await drive.fill(200_000, 1000, 2);
      const { point } = await drive.backup(directory);
      expect((await verify({ directory })).problems).toEqual([]);
      const target = new TestDevice(256 * 1024);
      await restore({ directory, point, target });
      expect((await target.content()).equals(await drive.device.content())).toBe(true);
      const names = (await fs.readdir(directory)).filter((name) => !/^\d{6}-/.test(name));
      expect(names).toEqual(['head.json']);
    }
  });
});
