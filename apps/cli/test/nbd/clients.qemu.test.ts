import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../../tools/qemu.ts';
import { type Served, serveInBackground } from '../support/nbd-programs.ts';

const MIB = 2 ** 20;
const SIZE = 8 * MIB;

describeWithQemu(
  'every client works against tidemark nbd',
  ['nbdinfo', 'nbdcopy', 'nbdsh', 'fio', 'qemu-img', 'qemu-io', 'qemu-nbd'],
  () => {
    const dir = tempDir();
    const at = (name: string) => join(dir, name);
    let server: Served & { readonly socket: string };

    beforeAll(async () => {
      await run('qemu-img', 'create', '-q', '-f', 'qcow2', at('a.qcow2'), String(SIZE));
      await run('qemu-img', 'bitmap', '--add', at('a.qcow2'), 'b');
      const line = ['-t', '-e', '0', '-x', 'exp', '-A', '-B', 'b', '-f', 'qcow2', 'a.qcow2'];
      server = await serveInBackground('tidemark nbd', dir, line);
    });
    afterAll(() => server.stop());

    const uri = () => server.uri('exp');

    it('fio, which verifies what it wrote', async () => {
      const job = ['--name=j', '--ioengine=nbd', `--uri=${uri()}`, `--size=${SIZE}`];
      const how = [
        '--rw=randwrite',
        '--bs=4k',
        '--iodepth=64',
        '--verify=crc32c',
        '--do_verify=1',
        '--verify_state_save=0',
      ];
      expect(await run('fio', ...job, ...how)).toContain('err= 0');
    });

    it('nbdcopy, both ways', async () => {
      const content = Uint8Array.from({ length: SIZE }, (_, index) => (index * 31) >> 9);
      writeFileSync(at('in.raw'), content);
      await run('nbdcopy', '--connections=4', at('in.raw'), uri());
      await run('nbdcopy', '--connections=4', uri(), at('out.raw'));
      expect(Buffer.compare(readFileSync(at('out.raw')), content)).toBe(0);
    });

    it('qemu-img and qemu-io', async () => {
      await run('qemu-io', '-f', 'raw', '-c', 'write -P 5 3M 1M', '-c', 'write -z 5M 1M', uri());
      await run('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', uri(), at('img.raw'));
      const content = readFileSync(at('img.raw'));
      expect(content.subarray(3 * MIB, 4 * MIB).every((byte) => byte === 5)).toBe(true);
      expect(content.subarray(5 * MIB, 6 * MIB).every((byte) => byte === 0)).toBe(true);
    });

    it('nbdinfo, with each question that it can ask', async () => {
      expect(await run('nbdinfo', '--size', uri())).toBe(`${SIZE}\n`);
      const can = ['cache', 'df', 'fast-zero', 'flush', 'fua', 'multi-conn', 'trim', 'zero'];
      for (const what of [...can, 'structured']) {
        expect((await sh('nbdinfo', `--can=${what}`, uri())).code, what).toBe(0);
      }
      for (const what of ['rotational', 'read-only', 'tls']) {
        expect((await sh('nbdinfo', `--is=${what}`, uri())).code, what).toBe(2);
      }
      expect(await run('nbdinfo', '--map=qemu:allocation-depth', uri())).toMatch(/^ *0 .* 1 /u);
      expect(JSON.parse(await run('nbdinfo', '--list', '--json', server.uri()))).toMatchObject({
        exports: [{ 'export-name': 'exp' }],
      });
    });

    it('nbdsh: reads, writes, zeros, trims, flushes, and asks for status', async () => {
      const script = [
        'h.add_meta_context("base:allocation")',
        'h.add_meta_context("qemu:dirty-bitmap:b")',
        `h.connect_uri("${uri()}")`,
        'h.pwrite(b"x" * 65536, 65536, nbd.CMD_FLAG_FUA)',
        'h.zero(65536, 131072, nbd.CMD_FLAG_NO_HOLE)',
        'h.trim(65536, 262144)',
        'h.cache(65536, 0)',
        'h.flush()',
        'seen = {}',
        'def extents(context, offset, entries, err): seen[context] = entries',
        'h.block_status(65536, 65536, extents, nbd.CMD_FLAG_REQ_ONE)',
        'print(h.pread(3, 65536), seen["qemu:dirty-bitmap:b"], seen["base:allocation"])',
      ];
      // It belongs to the Python of the system, whichever else is on the path.
      const words = script.flatMap((line) => ['-c', line]);
      expect(await run('env', 'PATH=/usr/bin:/bin', 'nbdsh', ...words)).toBe(
        "bytearray(b'xxx') [65536, 1] [65536, 0]\n",
      );
    });

    it('qemu-nbd -L', async () => {
      expect(await run('qemu-nbd', '-L', '-k', server.socket)).toContain('qemu:dirty-bitmap:b');
    });
  },
);
