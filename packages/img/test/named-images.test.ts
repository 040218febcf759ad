import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { expect, it } from 'vitest';
import { runImg } from '../src/index.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';

it('an image that is named without locks is looked at, and not written beside its writer', async () => {
  const dir = tempDir();
  const named = 'driver=qcow2,file.filename=a.qcow2,file.locking=off';
  expect(await runOurs(dir, ['create', '-q', '-f', 'qcow2', 'a.qcow2', '1M'])).toMatchObject({
    code: 0,
  });
  const writer = await openFileDevice(join(dir, 'a.qcow2'), { writable: true });
  try {
    expect(await runOurs(dir, ['info', '--image-opts', named])).toMatchObject({ code: 0 });
    expect(await runOurs(dir, ['info', 'a.qcow2'])).toMatchObject({ code: 1 });
    const resized = await runOurs(dir, ['resize', '--image-opts', named, '2M']);
    expect(resized).toMatchObject({ code: 1 });
    expect(resized.stderr).toContain('Failed to get "write" lock');
  } finally {
    await writer.close();
  }
});

it('an image is not asked on which server its data file is', async () => {
  const dir = tempDir();
  const path = join(dir, 'a.qcow2');
  const made = ['create', '-q', '-f', 'qcow2', '-o', 'data_file=placeholder', 'a.qcow2', '1M'];
  expect(await runOurs(dir, made)).toMatchObject({ code: 0 });
  const text = readFileSync(path, 'latin1');
  writeFileSync(path, text.replace('placeholder', 'nbd:unix:/x'), 'latin1');
  let stderr = '';
  const code = await runImg(['map', path], {
    out: () => {},
    err: (line) => (stderr += line),
    connectNbd: () => Promise.reject(new TidemarkError('IO_FAILED', 'connected')),
  });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      `tidemark img: Could not open '${path}': Protocol 'nbd' is not offered here: ` +
      'use qemu-img for it\n',
  });
});
