import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tidemark } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import {
  type Damage,
  DAMAGES,
  damagedImage,
} from '../../../packages/doctor/test/support/damages.ts';
import { digestOf, fail, succeed, succeedJson } from './support/tidemark.ts';

const dir = tempDir();
const path = join(dir, 'vm.qcow2');
const undo = `${path}.tidemark-undo`;

interface Report {
  readonly isDone: boolean;
  readonly actions: readonly { readonly action: string; readonly bitmap?: string }[];
  readonly exitCode: number;
}

async function damage(name: string): Promise<void> {
  const found = DAMAGES.find((each: Damage) => each.name === name);
  if (found === undefined) throw new Error(`no damage '${name}'`);
  writeFileSync(path, await damagedImage(found));
}

const CODES = [
  ['nothing at all', 0],
  ['a refcount of 2 on a cluster of bits', 20],
  ['a refcount table that is nowhere', 21],
  ['a mark that it was not closed, and one that it is corrupt', 21],
  ['a bitmap in use', 22],
  ['an unknown flag', 23],
  ['a program without bitmap support changed it', 23],
  ['an extension of 23 bytes', 23],
] as const;

describe('tidemark image check', () => {
  it.each(CODES)(
    'has an exit code of its own for each kind of finding: %s is %i',
    async (name, code) => {
      await damage(name);
      const before = digestOf(path);
      const { code: exit, stdout, stderr } = await tidemark('image', 'check', path);
      expect({ exit, stderr }).toEqual({ exit: code, stderr: '' });
      expect(stdout).toMatch(code === 0 ? /^no errors$/m : /^(?:leak|corruption|bitmap|note): /m);
      const json = await tidemark('image', 'check', path, '--json');
      expect(JSON.parse(json.stdout)).toMatchObject({ exitCode: code, clusterSize: 4096 });
      expect(digestOf(path)).toBe(before);
    },
  );

  it('refuses what is no image, and what is not there', async () => {
    writeFileSync(path, 'nothing');
    expect(await fail('image', 'check', path)).toMatchObject({
      exit: 8,
      code: 'IMAGE_UNRECOGNIZED',
    });
    const missing = join(dir, 'missing.qcow2');
    expect(await fail('image', 'check', missing)).toMatchObject({ exit: 3 });
  });

  it('ends where an image takes more memory than it may', async () => {
    await damage('nothing at all');
    expect(await fail('image', 'check', path, '--memory', '1k')).toMatchObject({
      exit: 9,
      code: 'IMAGE_UNSUPPORTED',
    });
  });
});

describe('tidemark image repair', () => {
  it('shows its plan, does it, and takes it back byte for byte', async () => {
    await damage('an unknown flag');
    const before = digestOf(path);
    const plan = await succeedJson<Report>('image', 'repair', path, '--dry-run');
    expect(plan).toMatchObject({ isDone: false, exitCode: 0 });
    expect(plan.actions).toContainEqual(expect.objectContaining({ bitmap: 'one' }));
    expect([digestOf(path), existsSync(undo)]).toEqual([before, false]);

    const done = await succeed('image', 'repair', path);
    expect(done).toContain("done: drop bitmap 'one', which is lost: it has unknown flags");
    expect(done).toContain(`to take it back: --undo ${undo}`);
    expect(await succeed('image', 'check', path)).toContain(
      "bitmap 'two' (granularity 4 KiB): sound",
    );

    await succeed('image', 'repair', path, '--undo', undo);
    expect(digestOf(path)).toBe(before);
  });

  it('never overwrites an undo file, and does nothing then', async () => {
    await damage('an unknown type');
    const before = digestOf(path);
    expect(existsSync(undo)).toBe(true);
    expect(await fail('image', 'repair', path)).toMatchObject({ exit: 4, code: 'FILE_EXISTS' });
    expect(digestOf(path)).toBe(before);
  });

  it('does not take back what was done to another image, or is used since', async () => {
    const other = join(dir, 'other.undo');
    await damage('an unknown type');
    await succeed('image', 'repair', path, '--save-undo', other);
    const repaired = readFileSync(path);
    await succeed('bitmap', 'add', path, 'three');
    const used = digestOf(path);
    const refused = { exit: 11, code: 'UNDO_INVALID' };
    expect(await fail('image', 'repair', path, '--undo', other)).toMatchObject(refused);
    expect(digestOf(path)).toBe(used);

    await damage('nothing at all');
    expect(await fail('image', 'repair', path, '--undo', other)).toMatchObject(refused);

    writeFileSync(path, repaired);
    const broken = join(dir, 'broken.undo');
    copyFileSync(other, broken);
    const bytes = readFileSync(broken);
    bytes[100] = bytes[100]! ^ 1;
    writeFileSync(broken, bytes);
    expect(await fail('image', 'repair', path, '--undo', broken)).toMatchObject(refused);
    await succeed('image', 'repair', path, '--undo', other);
  });

  it('leaves a bitmap in use alone unless it is told to remove it', async () => {
    await damage('a bitmap in use');
    const { code, stdout } = await tidemark('image', 'repair', path);
    expect({ code, stdout }).toEqual({
      code: 22,
      stdout: expect.stringContaining('nothing to repair'),
    });
    const flags = ['--drop-in-use', '--save-undo', join(dir, 'in-use.undo')];
    expect(await succeed('image', 'repair', path, ...flags)).toContain("drop bitmap 'one'");
  });

  it('frees leaks and nothing else on request', async () => {
    await damage('a refcount of 2 on a cluster of bits');
    const flags = ['--only', 'leaks', '--save-undo', join(dir, 'leaks.undo')];
    expect(await succeed('image', 'repair', path, ...flags)).toContain(
      'done: free 1 leaked clusters',
    );
  });

  it('refuses options that do not go with --undo', async () => {
    await damage('nothing at all');
    expect(await fail('image', 'repair', path, '--undo', 'x', '--dry-run')).toMatchObject({
      exit: 2,
    });
  });
});
