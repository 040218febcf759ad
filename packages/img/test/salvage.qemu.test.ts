import { beforeAll, expect, it } from 'vitest';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';

/** qcow2.rst, "L2 table entry": where the compressed cluster with this index begins, of 4 KiB ones. */
function compressedAt(bytes: Buffer, index: number): number {
  const l1 = Number(bytes.readBigUInt64BE(40));
  const l2 = Number(bytes.readBigUInt64BE(l1) & 0x00ff_ffff_ffff_fe00n);
  const bits = 62n - (12n - 8n);
  return Number(bytes.readBigUInt64BE(l2 + index * 8) & ((1n << bits) - 1n));
}

describeWithQemu('convert --salvage', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const inDir = (command: string) => sh('sh', '-c', `cd ${dir} && ${command}`);

  beforeAll(async () => {
    await run(
      'sh',
      '-c',
      `cd ${dir} && qemu-img create -q whole.raw 1M &&
      qemu-io -f raw -c 'write -P 1 0 1M' whole.raw &&
      qemu-img convert -c -O qcow2 -o cluster_size=4k whole.raw hurt.qcow2`,
    );
    const path = join(dir, 'hurt.qcow2');
    const hurt = readFileSync(path);
    for (const index of [3, 200]) {
      const at = compressedAt(hurt, index);
      hurt.fill(0xff, at, at + 8);
    }
    writeFileSync(path, hurt);
  });

  it('is needed: a copy fails without it', async () => {
    const { code } = await runOurs(dir, ['convert', 'hurt.qcow2', 'ours.raw']);
    expect(code).toBe(1);
  });

  it.each([[[]], [['-q']], [['-O', 'qcow2']], [['-c', '-O', 'qcow2']], [['-S', '0']]])(
    'gives zeros for what cannot be read, and names it, as qemu-img: %s',
    async (words: readonly string[]) => {
      const ours = await runOurs(dir, ['convert', '--salvage', ...words, 'hurt.qcow2', 'ours']);
      const line = ['--salvage', ...words, 'hurt.qcow2', 'theirs'].join(' ');
      const theirs = await inDir(`qemu-img convert ${line}`);
      expect(ours.stderr).toBe(theirs.stderr.replaceAll('qemu-img: ', 'tidemark img: '));
      expect(ours.code).toBe(0);
      expect(theirs.code).toBe(0);
      expect((await inDir('qemu-img compare ours theirs')).code).toBe(0);
      expect((await inDir('qemu-img compare ours whole.raw')).code).toBe(1);
    },
  );
});
