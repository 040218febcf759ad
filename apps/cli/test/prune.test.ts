import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { DAMAGES, damagedImage } from '../../../packages/doctor/test/support/damages.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const dir = tempDir();
const path = join(dir, 'vm.qcow2');
const prune = ['bitmap', 'prune', path];

interface Listed {
  readonly name: string;
}

async function names(): Promise<readonly string[]> {
  const listed = await succeedJson<readonly Listed[]>('bitmap', 'list', path);
  return listed.map(({ name }) => name).sort();
}

describe('tidemark bitmap prune', () => {
  beforeEach(async () => {
    // 'one' is inconsistent, 'two' is not.
    const inUse = DAMAGES.find(({ name }) => name === 'a bitmap in use')!;
    writeFileSync(path, await damagedImage(inUse));
    for (const name of ['old-1', 'old-2', 'o.d-3']) await succeed('bitmap', 'add', path, name);
  });

  it('removes those whose name matches, and shows which on request', async () => {
    const shown = await succeed(...prune, '--match', 'o?d-*', '--dry-run');
    expect(shown).toContain("would remove bitmap 'old-1' (stored)");
    expect(await names()).toEqual(['o.d-3', 'old-1', 'old-2', 'one', 'two']);
    expect(await succeed(...prune, '--match', 'o.d-*')).toContain("removed bitmap 'o.d-3'");
    expect(await names()).toEqual(['old-1', 'old-2', 'one', 'two']);
    await succeed(...prune, '--match', 'old-*');
    expect(await names()).toEqual(['one', 'two']);
  });

  it('removes those that are inconsistent', async () => {
    const pruned = await succeedJson(...prune, '--inconsistent');
    expect(pruned).toMatchObject({
      bitmaps: [{ name: 'one', state: 'inconsistent', began: null }],
    });
    expect(await names()).toEqual(['o.d-3', 'old-1', 'old-2', 'two']);
  });

  it('does not guess an age: where one is not known it removes none', async () => {
    const refused = { exit: 9, code: 'BITMAP_UNSUPPORTED' };
    expect(await fail(...prune, '--older-than', '1d')).toMatchObject(refused);
    const backups = join(dir, 'backups');
    await succeed('backup', path, backups, '--chain', 'nightly');
    const aged = [...prune, '--older-than', '0d', '--backups', backups];
    expect(await fail(...aged)).toMatchObject(refused);
    expect(await names()).toHaveLength(6);
  });

  it('knows the age of a bitmap by the restore point at which it began', async () => {
    const backups = join(dir, 'backups-of-chain');
    await succeed('backup', path, backups, '--chain', 'weekly');
    const match = ['--match', 'weekly@*', '--backups', backups, '--older-than'];
    expect(await succeedJson(...prune, ...match, '1d')).toMatchObject({ bitmaps: [] });
    expect(await names()).toHaveLength(6);
    const pruned = await succeedJson(...prune, ...match, '0d');
    expect(pruned).toMatchObject({ bitmaps: [{ began: expect.stringMatching(/^\d{4}-/u) }] });
    expect(await names()).toHaveLength(5);
  });

  it('needs to be told which', async () => {
    expect(await fail(...prune)).toMatchObject({ exit: 2, code: 'USAGE' });
    expect(await fail(...prune, '--older-than', 'long')).toMatchObject({ exit: 2, code: 'USAGE' });
  });
});
