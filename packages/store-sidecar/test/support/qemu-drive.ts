import { writeFileSync } from 'node:fs';
import { type FileBlockDevice, openFileDevice } from '@tidemark/block';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { run } from '../../../../tools/qemu.ts';
import { createSidecar, openSidecarStore, type SidecarSessionOptions } from '../../src/index.ts';

const GRANULARITY = 65_536;

/** A raw drive on disk and a sidecar that QEMU can run on. */
export class QemuDrive {
  readonly raw: string;
  readonly sidecar: string;
  readonly size: number;

  private constructor(raw: string, size: number) {
    this.raw = raw;
    this.sidecar = `${raw}.tidemark.qcow2`;
    this.size = size;
  }

  /** Filled with a pattern, with an enabled bitmap 'a' that is clean. */
  static async make(raw: string, size: number): Promise<QemuDrive> {
    const drive = new QemuDrive(raw, size);
    writeFileSync(raw, new Uint8Array(size).fill(0xaa));
    const create = { writable: true, create: 'exclusive', lock: false } as const;
    await using device = await openFileDevice(drive.sidecar, create);
    await createSidecar(device, { diskSize: size, dataFile: { name: raw } });
    await drive.session((store) => store.commit([createOf('a', size)]));
    return drive;
  }

  /** Opens both, as who writes the drive, unless `options` say otherwise. */
  async open(options: Partial<SidecarSessionOptions> = {}): Promise<{
    readonly device: FileBlockDevice;
    readonly session: SidecarSessionOptions;
  }> {
    const writable = options.writable ?? true;
    const device = await openFileDevice(this.raw, { writable, lock: false });
    const sidecar = await openFileDevice(this.sidecar, { writable, lock: false });
    return { device, session: { drive: device, writesDrive: writable, sidecar, ...options } };
  }

  async session<T>(
    work: (store: BitmapStore, device: FileBlockDevice) => Promise<T>,
    options: Partial<SidecarSessionOptions> = {},
  ): Promise<T> {
    const { device, session } = await this.open(options);
    await using _ = device;
    try {
      await using store = await openSidecarStore(session);
      return await work(store, device);
    } finally {
      await session.sidecar.close();
    }
  }

  /** Runs `work` with both open, for what closes the sidecar itself. */
  async with<T>(work: (session: SidecarSessionOptions) => Promise<T>): Promise<T> {
    const { device, session } = await this.open({ writesDrive: false });
    await using _ = device;
    try {
      return await work(session);
    } finally {
      await session.sidecar.close();
    }
  }

  /** QEMU runs on the sidecar. */
  async qemu(...commands: readonly string[]): Promise<void> {
    const each = commands.flatMap((command) => ['-c', command]);
    await run('qemu-io', '-d', 'unmap', '-f', 'qcow2', ...each, this.sidecar);
  }

  /** Somebody writes the drive without a word to anybody. */
  async behind(command: string): Promise<void> {
    await run('qemu-io', '-f', 'raw', '-c', command, this.raw);
  }

  /** The rule that makes the bitmap inconsistent, or its dirty granules. */
  async look(name = 'a'): Promise<string | readonly number[]> {
    return this.session(
      async (store) => {
        const found = (await store.list()).find((bitmap) => bitmap.name === name);
        if (found?.state !== 'stored') return found?.rule ?? 'missing';
        return granulesOf(await store.load(name));
      },
      { writable: false },
    );
  }
}

const createOf = (name: string, size: number) =>
  ({
    op: 'create',
    name,
    enabled: true,
    content: new DirtyBitmap(size, GRANULARITY),
  }) as const;

function granulesOf(content: DirtyBitmap): readonly number[] {
  const bits = new Uint8Array(content.serializedLength);
  content.serialize(bits);
  const granules = Array.from({ length: content.length }, (_, index) => index);
  return granules.filter((index) => ((bits[index >> 3] ?? 0) >> (index & 7)) % 2 === 1);
}
