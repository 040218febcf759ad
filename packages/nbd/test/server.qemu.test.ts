import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { afterAll, afterEach, expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { type NbdExport, type NbdServer, startNbdServer } from '../src/index.ts';
import { pattern } from './support/pattern.ts';

const MIB = 2 ** 20;

/** The JSON that a program prints. */
async function json(program: string, ...args: readonly string[]): Promise<unknown> {
  return JSON.parse(await run(program, ...args)) as unknown;
}

describeWithQemu(
  'the clients of QEMU and libnbd',
  ['qemu-img', 'qemu-io', 'nbdinfo', 'nbdcopy', 'fio'],
  () => {
    const dir = tempDir();
    const ends: (() => Promise<void>)[] = [];
    let count = 0;

    async function endAll(): Promise<void> {
      for (const end of ends.splice(0).toReversed()) await end();
    }
    afterEach(endAll);
    afterAll(endAll);

    /** A raw file with these parts, the rest of it a hole. */
    async function makeDisk(size: number, parts: readonly (readonly [number, Buffer])[] = []) {
      const path = join(dir, `disk-${count++}.raw`);
      await run('truncate', '-s', String(size), path);
      const device = await openFileDevice(path, { writable: true });
      for (const [offset, bytes] of parts) await device.write(bytes, offset);
      ends.push(() => device.close());
      return { path, device };
    }

    async function serve(exported: Omit<NbdExport, 'name'>) {
      const path = join(dir, `socket-${count++}`);
      const server: NbdServer = await startNbdServer({
        address: { type: 'unix', path },
        exports: [{ name: 'exp', ...exported }],
      });
      ends.push(() => server.close());
      return `nbd+unix:///exp?socket=${path}`;
    }

    it('are told what the export is', async () => {
      const { device } = await makeDisk(1_000_001);
      const bitmap = new DirtyBitmap(1_000_001, 4096);
      const bitmaps = () => [{ name: 'b', content: () => bitmap }];
      const uri = await serve({ device, description: 'a disk', bitmaps });
      expect(await json('nbdinfo', '--json', uri)).toMatchObject({
        protocol: 'newstyle-fixed',
        TLS: false,
        structured: true,
        exports: [
          {
            'export-name': 'exp',
            description: 'a disk',
            contexts: ['base:allocation', 'qemu:dirty-bitmap:b'],
            is_read_only: false,
            can_cache: true,
            can_df: true,
            can_fast_zero: true,
            can_flush: true,
            can_fua: true,
            can_multi_conn: true,
            can_trim: device.canDiscard,
            can_zero: true,
            block_size_minimum: 1,
            block_size_maximum: 32 * MIB,
            'export-size': 1_000_001,
          },
        ],
      });
      expect(await json('nbdinfo', '--list', '--json', uri)).toMatchObject({
        exports: [{ 'export-name': 'exp', 'export-size': 1_000_001 }],
      });
    });

    it('see that an export is read-only', async () => {
      const { device } = await makeDisk(MIB);
      const uri = await serve({ device, readOnly: true });
      expect(await json('nbdinfo', '--json', uri)).toMatchObject({
        exports: [{ is_read_only: true, can_trim: false, can_zero: false }],
      });
      expect((await sh('qemu-io', '-f', 'raw', '-c', 'write 0 4k', uri)).code).not.toBe(0);
    });

    it('see holes where they are', async () => {
      const { device } = await makeDisk(64 * MIB, [
        [8 * MIB, pattern(MIB, 1)],
        [40 * MIB, pattern(65_536, 2)],
      ]);
      const uri = await serve({ device });
      expect(await json('nbdinfo', '--map', '--json', uri)).toMatchObject([
        { offset: 0, length: 8 * MIB, type: 3 },
        { offset: 8 * MIB, length: MIB, type: 0 },
        { offset: 9 * MIB, length: 31 * MIB, type: 3 },
        { offset: 40 * MIB, length: 65_536, type: 0 },
        { offset: 40 * MIB + 65_536, length: 24 * MIB - 65_536, type: 3 },
      ]);
      expect(await json('qemu-img', 'map', '--output=json', uri)).toMatchObject([
        { start: 0, length: 8 * MIB, zero: true },
        { start: 8 * MIB, length: MIB, zero: false },
        { start: 9 * MIB, length: 31 * MIB, zero: true },
        { start: 40 * MIB, length: 65_536, zero: false },
        { start: 40 * MIB + 65_536, length: 24 * MIB - 65_536, zero: true },
      ]);
    });

    it('see the bits of bitmaps', async () => {
      const { device } = await makeDisk(8 * MIB);
      const coarse = new DirtyBitmap(8 * MIB, 65_536);
      coarse.set(0, 131_072);
      coarse.set(196_608, 1);
      const fine = new DirtyBitmap(8 * MIB, 512);
      for (let at = 0; at < 8 * MIB; at += 1024) fine.set(at, 1);
      const uri = await serve({
        device,
        bitmaps: () => [
          { name: 'coarse', content: () => coarse },
          { name: 'fine', content: async () => fine },
        ],
      });
      const mapOf = (name: string) =>
        json('nbdinfo', `--map=qemu:dirty-bitmap:${name}`, '--json', uri);
      expect(await mapOf('coarse')).toMatchObject([
        { offset: 0, length: 131_072, type: 1 },
        { offset: 131_072, length: 65_536, type: 0 },
        { offset: 196_608, length: 65_536, type: 1 },
        { offset: 262_144, length: 8 * MIB - 262_144, type: 0 },
      ]);
      expect(await mapOf('fine')).toMatchObject(
        Array.from({ length: 16_384 }, (_, index) => ({
          offset: index * 512,
          length: 512,
          type: 1 - (index % 2),
        })),
      );
      const options = `driver=nbd,export=exp,server.type=unix,server.path=${uri.split('socket=')[1]}`;
      const image = ['--image-opts', `${options},x-dirty-bitmap=qemu:dirty-bitmap:coarse`];
      // QEMU shows what is dirty as "not data".
      expect(await json('qemu-img', 'map', '--output=json', ...image)).toMatchObject([
        { start: 0, length: 131_072, data: false },
        { start: 131_072, length: 65_536, data: true },
        { start: 196_608, length: 65_536, data: false },
        { start: 262_144, length: 8 * MIB - 262_144, data: true },
      ]);
    });

    it('copy a disk out, and in, without a difference', async () => {
      const size = 48 * MIB + 512;
      const parts = [
        [4096, pattern(3 * MIB + 77, 3)],
        [20 * MIB, pattern(MIB, 4)],
        [size - 700, pattern(700, 5)],
      ] as const;
      const source = await makeDisk(size, parts);
      const from = await serve({ device: source.device });
      const copy = join(dir, 'copy.raw');
      await run('nbdcopy', from, copy);
      expect(readFileSync(copy).equals(readFileSync(source.path))).toBe(true);
      await run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', from, source.path);

      const target = await makeDisk(size, [[0, pattern(size, 6)]]);
      const to = await serve({ device: target.device });
      await run('nbdcopy', '--flush', copy, to);
      expect(readFileSync(target.path).equals(readFileSync(source.path))).toBe(true);
    });

    it('convert a disk out to qcow2, and in from it', async () => {
      const source = await makeDisk(32 * MIB, [[5 * MIB, pattern(2 * MIB, 7)]]);
      const from = await serve({ device: source.device });
      const image = join(dir, 'converted.qcow2');
      await run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', from, image);
      await run('qemu-img', 'compare', '-F', 'raw', image, source.path);

      const target = await makeDisk(32 * MIB, [[0, pattern(32 * MIB, 8)]]);
      const to = await serve({ device: target.device });
      await run('qemu-img', 'convert', '-n', '-f', 'qcow2', '-O', 'raw', image, to);
      expect(readFileSync(target.path).equals(readFileSync(source.path))).toBe(true);
    });

    it('write, zero, discard and flush with qemu-io', async () => {
      const { path, device } = await makeDisk(4 * MIB, [[0, pattern(4 * MIB, 9)]]);
      const uri = await serve({ device });
      const model = readFileSync(path);
      const commands = [
        'write -P 0xab 1000 70000',
        'read -P 0xab 1000 70000',
        'write -f -P 0xcd 1M 300k',
        'write -z 1100k 64k',
        'read -P 0 1100k 64k',
        'write -z -u 2M 512k',
        'read -P 0 2M 512k',
        'discard 3M 1M',
        'flush',
      ];
      await run('qemu-io', '-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri);
      model.fill(0xab, 1000, 71_000);
      model.fill(0xcd, MIB, MIB + 300 * 1024);
      model.fill(0, 1100 * 1024, 1164 * 1024);
      model.fill(0, 2 * MIB, 2 * MIB + 512 * 1024);
      const content = readFileSync(path);
      expect(content.subarray(0, 3 * MIB).equals(model.subarray(0, 3 * MIB))).toBe(true);
      // A discard may leave what was there.
      const rest = content.subarray(3 * MIB);
      expect(rest.equals(model.subarray(3 * MIB)) || rest.equals(Buffer.alloc(MIB))).toBe(true);
    });

    it('find what they wrote at random, many requests at a time', async () => {
      const { device } = await makeDisk(16 * MIB);
      const uri = await serve({ device });
      const job = join(dir, 'verify.fio');
      const common = `[global]\nioengine=nbd\nuri=${uri}\niodepth=16\nsize=16m\nverify=crc32c\n`;
      writeFileSync(
        job,
        `${common}verify_fatal=1\nverify_state_save=0\n[mixed]\nrw=randwrite\nbsrange=512-256k\nblockalign=512\n`,
      );
      const report = join(dir, 'verify.json');
      await run('fio', '--output-format=json', `--output=${report}`, job);
      const result = JSON.parse(readFileSync(report, 'utf8')) as unknown;
      expect(result).toMatchObject({ jobs: [{ error: 0, read: { io_kbytes: 16_384 } }] });
    });

    it('come over the network as well, several at a time', async () => {
      const source = await makeDisk(16 * MIB, [[MIB, pattern(8 * MIB, 10)]]);
      const server = await startNbdServer({
        address: { type: 'inet', host: '127.0.0.1', port: 0 },
        exports: [{ name: 'exp', device: source.device }],
      });
      ends.push(() => server.close());
      const { address } = server;
      if (address.type !== 'inet') throw new Error('not on the network');
      const copies = Array.from({ length: 4 }, (_, index) => join(dir, `net-${index}.raw`));
      const uri = `nbd://127.0.0.1:${address.port}/exp`;
      await Promise.all(copies.map((copy) => run('nbdcopy', '--connections=2', uri, copy)));
      for (const copy of copies)
        expect(readFileSync(copy).equals(readFileSync(source.path))).toBe(true);
    });
  },
);
