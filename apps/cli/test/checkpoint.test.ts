import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointFolder } from '@tidemark/checkpoint';
import { beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { tidemark } from '../../../tools/programs.ts';
import { guestWrites, makeDrive } from './support/drives.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const SIZE = 4 * 1024 * 1024;
const root = tempDir();
let count = 0;
let dir = '';
let drives: readonly string[] = [];
let options: readonly string[] = [];

beforeEach(async () => {
  dir = join(root, String(count++));
  drives = ['a.qcow2', 'b.raw', 'c.qcow2'].map((name) => join(dir, name));
  options = ['--bitmap', 'n', '--checkpoints', join(dir, 'checkpoints')];
  mkdirSync(dir);
  for (const [index, path] of drives.entries()) {
    await makeDrive(path, index === 1 ? 'raw' : 'qcow2', SIZE);
  }
});

interface Listed {
  readonly name: string;
  readonly dirtyBytes: number;
  readonly checkpoint?: string;
  readonly checkpointLost?: string;
}

async function listed(drive: string): Promise<Listed> {
  const [bitmap] = await succeedJson<readonly Listed[]>(
    ...['bitmap', 'list', drive, '--checkpoints', join(dir, 'checkpoints')],
  );
  return bitmap!;
}

interface Made {
  readonly checkpoint: string;
  readonly drives: readonly { readonly change: string }[];
}

describe('tidemark checkpoint', () => {
  it('adds a bitmap to each drive, and then begins it anew, with one id for all', async () => {
    const first = await succeedJson<Made>('checkpoint', ...drives, ...options);
    expect(first.drives.map(({ change }) => change)).toEqual(['added', 'added', 'added']);
    for (const drive of drives) await guestWrites(drive, [{ offset: 0, length: 512, byte: 7 }]);
    for (const drive of drives) {
      expect(await listed(drive)).toMatchObject({
        checkpoint: first.checkpoint,
        dirtyBytes: 65_536,
      });
    }
    const second = await succeedJson<Made>('checkpoint', ...drives, ...options);
    expect(second.drives.map(({ change }) => change)).toEqual(['cleared', 'cleared', 'cleared']);
    expect(second.checkpoint).not.toBe(first.checkpoint);
    for (const drive of drives) {
      expect(await listed(drive)).toMatchObject({ checkpoint: second.checkpoint, dirtyBytes: 0 });
    }
    expect(readdirSync(join(dir, 'checkpoints'))).toEqual([]);
  });

  it('says what it did', async () => {
    const text = await succeed('checkpoint', ...drives.slice(0, 2), ...options);
    expect(text.split('\n')).toEqual([
      expect.stringMatching(/^checkpoint [0-9a-f]{32} of 2 drives$/),
      expect.stringMatching(/^added bitmap 'n' in .*a\.qcow2/),
      expect.stringMatching(/^added bitmap 'n' in sidecar .*b\.raw/),
      '',
    ]);
  });

  it('changes no drive where one of them refuses', async () => {
    await succeed('bitmap', 'add', drives[2]!, 'n', '--disabled');
    const refused = await fail('checkpoint', ...drives, ...options);
    expect(refused.code).toBe('BITMAP_INVALID');
    expect(await succeedJson('bitmap', 'list', drives[0]!)).toEqual([]);
    expect(readdirSync(dir).filter((name) => name.startsWith('b.raw'))).toEqual(['b.raw']);
  });

  it('is finished by the next commands where it was cut off; until then backups are full', async () => {
    const { checkpoint: before } = await succeedJson<Made>('checkpoint', ...drives, ...options);
    await cutOff(before);
    for (const drive of drives) {
      expect(await listed(drive)).toMatchObject({ checkpointLost: 'checkpoint incomplete' });
    }
    const { reason } = await backUp(0);
    expect(reason).toContain('checkpoint incomplete');
    for (const drive of drives.slice(1)) {
      const { code, stderr } = await tidemark('bitmap', 'add', drive, 'x', ...options.slice(2));
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('was cut off') });
    }
    expect(readdirSync(join(dir, 'checkpoints'))).toEqual([]);
    for (const drive of drives.slice(1)) {
      expect(await listed(drive)).toMatchObject({ checkpoint: NEXT, dirtyBytes: SIZE });
    }
    expect((await listed(drives[0]!)).checkpoint).toMatch(/^[0-9a-f]{32}$/);
  });
});

const NEXT = 'e'.repeat(32);

/** As a crash between the intent and the first commit leaves it. */
async function cutOff(before: string): Promise<void> {
  const shape = { change: 'put', name: 'n', granularity: 65_536, enabled: true } as const;
  const members = drives.map((path, index) => ({
    store: null,
    place: index === 1 ? `${path}.tidemark.qcow2` : path,
    bitmaps: [{ ...shape, before, after: NEXT }],
    done: false,
  }));
  await new CheckpointFolder(join(dir, 'checkpoints')).put({ set: NEXT, members });
}

async function backUp(index: number): Promise<{ readonly reason: string }> {
  const target = join(dir, 'backups');
  // Not by the bitmap, which would begin anew, and be of the checkpoint no longer.
  await succeed('backup', drives[index]!, target);
  const again = [drives[index]!, target, ...options, '--json'];
  const { code, stdout } = await tidemark('backup', ...again);
  expect(code).toBe(0);
  const result: { readonly reason: string } = JSON.parse(stdout);
  return result;
}
