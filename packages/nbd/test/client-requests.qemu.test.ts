import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { expectSame, extentsOf, pattern, readBytes } from '../../../tools/device/bytes.ts';
import { operations, runModel } from './support/client-model.ts';
import { qcow2Disk, rawDisk, startNbdkit, startQemuNbd } from './support/client-servers.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

describeWithQemu('requests to nbdkit, as its log has them', ['nbdkit'], () => {
  const dir = tempDir();
  let count = 0;

  /** What nbdkit was asked while the device was used, without ids, in order of offsets. */
  async function logOf(
    { size, sizes = [], filters = [] }: LoggedDisk,
    use: (device: NbdDevice) => Promise<void>,
  ): Promise<readonly string[]> {
    const log = join(dir, `log-${count++}`);
    const options = ['--filter=log', ...filters.map((name) => `--filter=${name}`)];
    const parameters = [`logfile=${log}`, ...sizes];
    await using server = await startNbdkit(dir, ...options, 'memory', String(size), ...parameters);
    await using device = await connectNbd(server.uri);
    await use(device);
    await device.close();
    await server.stop();
    const lines = (await readFile(log, 'utf8')).matchAll(
      /connection=1 (?<what>\w+) id=\d+ (?:offset=(?<offset>\w+) count=(?<count>\w+) )?(?<flags>.*?) ?\.\.\.$/gm,
    );
    return Array.from(lines, ({ groups = {} }) => ({
      at: Number(groups['offset'] ?? 0),
      text: [
        groups['what'],
        Number(groups['offset'] ?? 0),
        Number(groups['count'] ?? 0),
        groups['flags'],
      ],
    }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ text }) => text.join(' ').trim());
  }

  it('are split where the server takes no more', async () => {
    const small = { filters: ['blocksize-policy'], sizes: ['blocksize-maximum=64K'] };
    const log = await logOf({ size: MIB, ...small }, async (device) => {
      expect(device.blockSize.maximum).toBe(64 * KIB);
      await device.read(new Uint8Array(150_000), 10);
    });
    expect(log).toEqual(['Read 10 65536', 'Read 65546 65536', 'Read 131082 18928']);
  });

  it('are split at 32 MiB where the server names no limit', async () => {
    const log = await logOf({ size: 100 * MIB }, async (device) => {
      await device.read(new Uint8Array(70 * MIB), 0);
    });
    expect(log).toEqual([
      `Read 0 ${32 * MIB}`,
      `Read ${32 * MIB} ${32 * MIB}`,
      `Read ${64 * MIB} ${6 * MIB}`,
    ]);
  });

  it('name up to 1 GiB of zeros or trim, and say whether space may be given back', async () => {
    const log = await logOf({ size: 3 * GIB }, async (device) => {
      await device.writeZeroes(1, 1.5 * GIB);
      await device.writeZeroes(2 * GIB, 5, { unmap: false });
      await device.discard(2 * GIB + 5, GIB - 5);
    });
    expect(log).toEqual([
      'Flush 0 0',
      `Zero 1 ${GIB} trim=1 fua=0 fast=0`,
      `Zero ${GIB + 1} ${GIB / 2} trim=1 fua=0 fast=0`,
      `Zero ${2 * GIB} 5 trim=0 fua=0 fast=0`,
      `Trim ${2 * GIB + 5} ${GIB - 5} fua=0`,
    ]);
  });

  it('are whole blocks where the server asks for them, whatever is read', async () => {
    const blocks = ['blocksize-error-policy=error', 'blocksize-minimum=4096'];
    const strict = { filters: ['blocksize-policy'], sizes: blocks };
    const log = await logOf({ size: MIB, ...strict }, async (device) => {
      await device.read(new Uint8Array(1), 5000);
      await device.read(new Uint8Array(20_000), 8191);
      await device.discard(40_961, 12_287);
      await device.discard(61_441, 4095);
      await extentsOf(device, 70_000, 1);
    });
    expect(log).toEqual(
      [
        'Read 4096 4096',
        'Read 4096 4096',
        'Read 8192 16384',
        'Read 24576 4096',
        'Trim 45056 8192 fua=0',
        'Extents 69632 4096 req_one=0',
        'Flush 0 0',
      ].toSorted((a, b) => Number(a.split(' ')[1]) - Number(b.split(' ')[1])),
    );
  });

  it('of a close have a flush only when something was changed', async () => {
    expect(await logOf({ size: MIB }, (device) => device.read(new Uint8Array(1), 0))).toEqual([
      'Read 0 1',
    ]);
    const flushed = await logOf({ size: MIB }, async (device) => {
      await device.write(new Uint8Array(1), 0);
      await device.flush();
    });
    expect(flushed.toSorted()).toEqual(['Flush 0 0', 'Write 0 1 fua=0']);
  });
});

interface LoggedDisk {
  readonly size: number;
  readonly filters?: readonly string[];
  readonly sizes?: readonly string[];
}

describeWithQemu('a server that asks for blocks of 4096 bytes', ['nbdkit'], () => {
  const dir = tempDir();
  const size = 60 * 4096;
  const sizes = ['blocksize-minimum=4096', 'blocksize-maximum=16K'];
  const disk = ['memory', String(size), 'blocksize-error-policy=error', ...sizes];
  const start = () => startNbdkit(dir, '--filter=blocksize-policy', ...disk);

  it.each([
    [0, 1],
    [1, 1],
    [4095, 2],
    [5000, 3000],
    [5000, 30_000],
    [8192, 4095],
    [8191, 20_481],
    [size - 1, 1],
    [3, size - 5],
  ])(
    'is read at %i, %i bytes, in whole blocks that give the bytes asked for',
    async (at, length) => {
      await using server = await start();
      await using device = await connectNbd(server.uri);
      await device.write(pattern(size), 0);
      expectSame(await readBytes(device, at, length), pattern(size).subarray(at, at + length));
    },
  );

  it('is read at any place, and holds what an array holds after aligned changes', async () => {
    await using server = await start();
    await using device = await connectNbd(server.uri);
    expect(device.blockSize).toEqual({ minimum: 4096, preferred: 4096, maximum: 16_384 });
    const property = fc.asyncProperty(operations(size, 4096), async (steps) => {
      await runModel(device, steps);
    });
    await fc.assert(property, { numRuns: 25 });
  });

  it('is not written in parts of blocks: that is refused, and nothing is changed', async () => {
    await using server = await start();
    await using device = await connectNbd(server.uri);
    await device.write(pattern(size), 0);
    for (const [at, length] of [
      [1, 4096],
      [0, 4095],
      [4095, 2],
    ] as const) {
      const refused = { code: 'DEVICE_UNSUPPORTED', context: { offset: at, where: device.label } };
      await expect(device.write(new Uint8Array(length), at)).rejects.toMatchObject(refused);
      await expect(device.writeZeroes(at, length)).rejects.toMatchObject(refused);
    }
    await device.write(new Uint8Array(0), 1);
    await device.writeZeroes(1, 0);
    expectSame(await readBytes(device), pattern(size));
  });
});

describeWithQemu('content behind offsets of more than 32 bits', ['nbdkit'], () => {
  it('is read from its own place', async () => {
    const size = 2 ** 52;
    const dir = tempDir();
    await using server = await startNbdkit(dir, 'pattern', String(size));
    await using device = await connectNbd(server.uri);
    for (const offset of [0, 2 ** 32 - 8, 2 ** 33 + 4096, 2 ** 45 + 8, size - 16]) {
      // The pattern: each 8 bytes hold their own offset.
      const expected = Buffer.alloc(16);
      expected.writeBigUInt64BE(BigInt(offset));
      expected.writeBigUInt64BE(BigInt(offset + 8), 8);
      expectSame(await readBytes(device, offset, 16), expected);
    }
  });

  it('is refused as not supported when no number holds its size', async () => {
    await using server = await startNbdkit(tempDir(), 'pattern', String(2n ** 53n));
    await expect(connectNbd(server.uri)).rejects.toMatchObject({ code: 'DEVICE_UNSUPPORTED' });
  });

  it('is read from a server that does not negotiate', async () => {
    await using server = await startNbdkit(tempDir(), '--oldstyle', 'pattern', String(2 ** 40));
    await using device = await connectNbd(server.uri);
    expect(device.size).toBe(2 ** 40);
    const expected = Buffer.alloc(8);
    expected.writeBigUInt64BE(BigInt(2 ** 39));
    expectSame(await readBytes(device, 2 ** 39, 8), expected);
  });
});

describeWithQemu('content that is written through qemu-nbd', ['qemu-nbd', 'qemu-img'], () => {
  const dir = tempDir();
  const size = 4 * MIB;
  const expected = pattern(size).fill(0, MIB, 3 * MIB);
  expected.set(pattern(70_000, 9), 2 * MIB - 12_345);

  async function write(uri: string): Promise<void> {
    await using device = await connectNbd(uri);
    await device.write(pattern(size), 0);
    await device.writeZeroes(MIB, 2 * MIB);
    await device.write(pattern(70_000, 9), 2 * MIB - 12_345);
  }

  it('is in the raw file when the device is closed', async () => {
    const path = await rawDisk(dir, size);
    await using server = await startQemuNbd(dir, '--format=raw', path);
    await write(server.uri);
    expectSame(await readFile(path), expected);
  });

  it('is in the qcow2 image when the server has ended', async () => {
    const path = await qcow2Disk(dir, size);
    await using server = await startQemuNbd(dir, '--format=qcow2', path);
    await write(server.uri);
    await server.stop();
    const raw = join(dir, 'converted.raw');
    await run('qemu-img', 'check', '-q', path);
    await run('qemu-img', 'convert', '-O', 'raw', path, raw);
    expectSame(await readFile(raw), expected);
  });
});
