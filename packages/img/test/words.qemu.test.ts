import { beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';

describeWithQemu('what cannot be done to an image', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const inDir = (command: string) => sh('sh', '-c', `cd ${dir} && ${command}`);

  beforeAll(async () => {
    await run(
      'sh',
      '-c',
      `cd ${dir} && qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 1M &&
      qemu-img snapshot -c first v2.qcow2 && qemu-img create -q -f qcow2 a.qcow2 1M &&
      qemu-io -c 'write -P 1 0 64k' a.qcow2 &&
      qemu-img create -q -f qcow2 -o data_file=data.of data.qcow2 1M`,
    );
  });

  it.each(['resize v2.qcow2 2M', 'convert -c -n -O qcow2 a.qcow2 data.qcow2'])(
    'is said as qemu-img says it: %s',
    async (line) => {
      const ours = await runOurs(dir, line.split(' '));
      const theirs = await inDir(`qemu-img ${line}`);
      const [first, ...more] = ours.stderr.split('\n');
      expect(`${first}\n`).toBe(theirs.stderr.replace('qemu-img: ', 'tidemark img: '));
      expect(ours.code).toBe(theirs.code);
      expect(more.every((text) => text === '' || text.startsWith('tidemark img: hint: '))).toBe(
        true,
      );
    },
  );
});
