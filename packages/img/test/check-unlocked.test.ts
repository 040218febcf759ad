import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { checkImage, type Finding, type ImageCheck } from '@tidemark/doctor';
import { createQcow2 } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { foundClean } from '../src/work/check-unlocked.ts';
import { runOurs } from './support/both.ts';

it('a check is refused while somebody writes the image', async () => {
  const dir = tempDir();
  await runOurs(dir, ['create', '-q', '-f', 'qcow2', 'a.qcow2', '1M']);
  const writer = await openFileDevice(join(dir, 'a.qcow2'), { writable: true });
  try {
    const checked = await runOurs(dir, ['check', 'a.qcow2']);
    expect(checked).toMatchObject({ code: 1, stdout: '' });
    expect(checked.stderr).toContain('Failed to get shared "write" lock');
  } finally {
    await writer.close();
  }
  expect(await runOurs(dir, ['check', 'a.qcow2'])).toMatchObject({ code: 0, stderr: '' });
});

describe('a check of an image that nobody is kept from writing', () => {
  const dir = tempDir();
  let count = 0;

  async function newImage() {
    const path = join(dir, `${(count += 1)}.qcow2`);
    const file = await openFileDevice(path, { writable: true, create: 'exclusive', lock: false });
    await createQcow2(file, { size: 2 ** 20 });
    return file;
  }

  it('tells of one that is clean and stayed as it was', async () => {
    await using file = await newImage();
    const found = await foundClean(file, (onFinding) => checkImage(file, { onFinding }));
    expect(found).toMatchObject({ corruptions: 0, leaks: 0, totalClusters: 16 });
  });

  it('does not tell of one that is written meanwhile', async () => {
    await using file = await newImage();
    const found = await foundClean(file, async (onFinding) => {
      const check = await checkImage(file, { onFinding });
      await file.write(new Uint8Array(512), 512);
      // Linux before 6.13 takes times from a clock that steps by up to 10 ms.
      await file.facts({ settled: true });
      await file.write(new Uint8Array(512), 512);
      return check;
    });
    expect(found).toBeUndefined();
  });

  it('does not tell of one in which it found something, or that it could not read', async () => {
    await using file = await newImage();
    const check = await checkImage(file, {});
    const asked = (act: (onFinding: (finding: Finding) => void) => Promise<ImageCheck>) =>
      foundClean(file, act);
    expect(await asked(async () => check)).toBe(check);
    const finding: Finding = { kind: 'leak', severity: 'leak', message: 'a leak' };
    const found = await asked(async (onFinding) => {
      onFinding(finding);
      return check;
    });
    expect(found).toBeUndefined();
    expect(await asked(() => Promise.reject(new Error('unreadable')))).toBeUndefined();
  });

  it('is not begun with a long file', async () => {
    await using file = await newImage();
    await file.resize(2 ** 30);
    let isBegun = false;
    const found = await foundClean(file, async (onFinding) => {
      isBegun = true;
      return checkImage(file, { onFinding });
    });
    expect([found, isBegun]).toEqual([undefined, false]);
  });
});
