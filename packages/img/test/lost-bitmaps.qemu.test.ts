import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';

/** Behind such a name, a header of 512 bytes has no room for the extension. */
const LONG = 'n'.repeat(370);

describeWithQemu('a bitmap that qemu-img would lose and exit with 0', ['qemu-img'], () => {
  const dir = tempDir();

  it.each([
    ['of a disk of no bytes', ['0'], 'No memory'],
    [
      'in a header that is full',
      ['-o', 'cluster_size=512', '-u', '-b', LONG, '-F', 'raw', '1M'],
      'Failed to update bitmap extension: No space left on device',
    ],
  ])('%s is told of, with exit code 1, and the image is as it was', async (_, words, why) => {
    const path = join(dir, 'image.qcow2');
    const size = words.at(-1)!;
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', ...words.slice(0, -1), path, size);
    const before = readFileSync(path);
    expect(await runOurs(dir, ['bitmap', '--add', 'image.qcow2', 'mine'])).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `tidemark img: Lost persistent bitmaps during inactivation of node 'image.qcow2': ${why}\n` +
        "tidemark img: bitmap 'mine' was not stored\n",
    });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it.each([
    ['commit a.qcow2', "Command 'commit'"],
    ['snapshot -c x a.qcow2', 'snapshot -c'],
    ['info --image-opts driver=null-co', "Could not open 'driver=null-co': Driver 'null-co'"],
    ['info nbd:unix:/x', "Could not open 'nbd:unix:/x': Protocol 'nbd'"],
    ['info -f vmdk a.vmdk', "Could not open 'a.vmdk': Format 'vmdk'"],
    ['convert -l x a.qcow2 b.raw', 'convert -l'],
  ])('is not the only thing that is refused by name: %s', async (line, what) => {
    const { code, stderr } = await runOurs(dir, line.split(' '));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `tidemark img: ${what} is not offered here: use qemu-img for it\n`,
    });
  });
});
