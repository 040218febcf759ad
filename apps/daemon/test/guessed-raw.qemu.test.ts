import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { serving } from './support/serving.ts';

const MIB = 1024 * 1024;

describeWithQemu('a drive without a format that looks raw', ['qemu-img', 'nbdcopy'], () => {
  const dir = tempDir();
  const at = (name: string) => join(dir, name);

  /** The first sector of an image that shows a file of the host to its guest. */
  async function start(): Promise<Buffer> {
    writeFileSync(at('secret'), 'of the host');
    await run(
      ...(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', at('secret')] as const),
      ...[at('trap.qcow2'), '1M'],
    );
    const sector = readFileSync(at('trap.qcow2')).subarray(0, 512);
    writeFileSync(at('sector'), sector);
    return sector;
  }

  it.each([
    ['', false],
    [',format=raw', true],
  ])('is made an image by no guest, unless it is said to be raw: "%s"', async (said, isTaken) => {
    const sector = await start();
    writeFileSync(at('disk.raw'), Buffer.alloc(MIB, 7));
    const { stderr } = await serving(
      dir,
      ['-drive', `file=${at('disk.raw')}${said},id=vm`],
      async (uriOf) => {
        const { code } = await sh('nbdcopy', at('sector'), uriOf('vm'));
        expect(code === 0).toBe(isTaken);
      },
    );
    expect(readFileSync(at('disk.raw')).subarray(0, 512).equals(sector)).toBe(isTaken);
    expect(stderr.includes("drive 'vm' looks raw")).toBe(!isTaken);
  });
});
