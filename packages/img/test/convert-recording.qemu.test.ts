import { join } from 'node:path';
import { expect, it } from 'vitest';
import { qemuDirtyMap } from '../../../tools/qemu-bitmaps.ts';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';

const TOOLS = ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'] as const;
const KIB = 1024;

describeWithQemu('convert -n into an image with bitmaps', TOOLS, () => {
  const dir = tempDir();

  it.each<string[]>([[], ['-c'], ['-S', '0'], ['--target-is-zero']])(
    'marks what it writes in those that record: %s',
    async (...options) => {
      const [source, target] = [join(dir, 'source.raw'), join(dir, 'target.qcow2')];
      await run('qemu-img', 'create', '-q', source, '1M');
      await run('qemu-io', '-f', 'raw', '-c', 'write -P 7 192k 100k', source);
      await run('qemu-img', 'create', '-q', '-f', 'qcow2', target, '1M');
      // What was there and has to go is a change too.
      const isZero = options.includes('--target-is-zero');
      if (!isZero) await run('qemu-io', '-c', 'write -P 9 512k 64k', target);
      await run('qemu-img', 'bitmap', '--add', target, 'records');
      await run('qemu-img', 'bitmap', '--add', '--disable', target, 'rests');
      const words = ['convert', '-n', ...options, '-O', 'qcow2', 'source.raw', 'target.qcow2'];
      expect(await runOurs(dir, words)).toEqual({ code: 0, stdout: '', stderr: '' });
      await run('qemu-img', 'compare', source, target);
      const dirty = (await qemuDirtyMap(target, 'records')).filter((extent) => extent.dirty);
      const isMarked = (offset: number) =>
        dirty.some((extent) => extent.offset <= offset && offset < extent.offset + extent.length);
      expect(isMarked(192 * KIB) && isMarked(291 * KIB)).toBe(true);
      expect(isMarked(512 * KIB)).toBe(!isZero);
      expect((await qemuDirtyMap(target, 'rests')).some((extent) => extent.dirty)).toBe(false);
    },
  );
});
