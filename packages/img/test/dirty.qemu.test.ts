import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { Pair, runOurs } from './support/both.ts';
import { makeImages } from './support/template.ts';

const TOOLS = ['qemu-img', 'qemu-io', 'qemu-storage-daemon'] as const;

describeWithQemu('an image with lazy refcounts that a crash has left', TOOLS, () => {
  const dir = tempDir();
  const template = tempDir();
  makeImages(template);

  it.each([
    'bitmap --add dirty.qcow2 x',
    'bitmap --remove dirty.qcow2 rests',
    'resize --shrink dirty.qcow2 512k',
    'convert -n -O qcow2 a.raw dirty.qcow2',
  ])('is counted anew, as by QEMU, by %s', async (line) => {
    const pair = new Pair(dir, `dirty-${line.replaceAll(/\W/g, '-')}`, template);
    expect((await sh('qemu-img', 'check', `${pair.ours}/dirty.qcow2`)).code).toBe(2);
    const { ours, theirs, differing } = await pair.run(line, 'dirty.qcow2');
    // How much is told of the counts is each program's own.
    const told = 'ERROR cluster 11 refcount=0 reference=1\n';
    const told11 = expect.stringContaining(told);
    expect(ours).toEqual({ ...theirs, stderr: told11 });
    expect(theirs).toMatchObject({ stderr: told11 });
    expect(differing).toEqual([]);
    await run('qemu-img', 'check', `${pair.ours}/dirty.qcow2`);
  });

  it('is not changed by who only looks', async () => {
    for (const line of ['info dirty.qcow2', 'map dirty.qcow2', 'check dirty.qcow2']) {
      await runOurs(template, line.split(' '));
    }
    expect((await sh('qemu-img', 'check', `${template}/dirty.qcow2`)).code).toBe(2);
  });
});
