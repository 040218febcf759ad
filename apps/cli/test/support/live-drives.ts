import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDrive } from '@tidemark/drive';
import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import { QmpControl } from '@tidemark/qmp';
import { type Daemon, startDaemon } from '../../../../tools/programs.ts';
import { makeDrive, readDrive } from './drives.ts';
import { succeed } from './tidemark.ts';

const BLOCK = 4096;
const BLOCKS = 1024;
const PIECE = 65_536;

/** Bytes of each drive that has nothing but what its guest writes. */
export const LIVE_SIZE = BLOCK * BLOCKS;

function blockOf(sequence: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  for (let at = 0; at < BLOCK; at += 8) block.writeBigUInt64LE(BigInt(sequence), at);
  return block;
}

/** Two drives of a running daemon, and a guest that writes one block after the other on both. */
export class LiveDrives {
  readonly socket: string;
  readonly paths: readonly [string, string];
  readonly #dir: string;
  readonly #size: number;
  #daemon: Daemon | undefined;
  #devices: readonly NbdDevice[] = [];
  #next = 1;
  #guest: Promise<void> = Promise.resolve();
  #isWriting = false;

  /** `size`: bytes of each drive; a larger one has other data, too, around what the guest writes. */
  constructor(dir: string, { size = LIVE_SIZE }: { readonly size?: number } = {}) {
    this.#dir = dir;
    this.#size = size;
    this.socket = join(dir, 'qmp.sock');
    this.paths = [join(dir, 'a.qcow2'), join(dir, 'b.raw')];
  }

  /** As `tidemark backup` takes them. */
  get addresses(): readonly [string, string] {
    return [`${this.socket}#a`, `${this.socket}#b`];
  }

  get daemon(): Daemon {
    return this.#daemon!;
  }

  async make(): Promise<void> {
    for (const [index, format] of (['qcow2', 'raw'] as const).entries()) {
      await makeDrive(this.paths[index]!, format, this.#size);
      if (this.#size === LIVE_SIZE) continue;
      const { device } = await openDrive(this.paths[index]!, { access: 'write' });
      await device.write(this.#made(index), 0);
      await device.close();
    }
  }

  async start(): Promise<void> {
    const [a, b] = this.paths;
    const nbd = join(this.#dir, 'nbd.sock');
    const monitor = `socket,id=c,path=${this.socket},server=on,wait=off`;
    this.#daemon = await startDaemon(
      ...['--blockdev', `driver=qcow2,node-name=a,file.driver=file,file.filename=${a}`],
      ...['--blockdev', `driver=raw,node-name=b,file.driver=file,file.filename=${b}`],
      ...['--nbd-server', `addr.type=unix,addr.path=${nbd}`],
      ...['--export', 'type=nbd,id=a,node-name=a,writable=on'],
      ...['--export', 'type=nbd,id=b,node-name=b,writable=on'],
      ...['--chardev', monitor, '--monitor', 'chardev=c'],
    );
    const uri = (name: string) => `nbd+unix:///${name}?socket=${nbd}`;
    this.#devices = [await connectNbd(uri('a')), await connectNbd(uri('b'))];
  }

  /** The guest writes until it is stopped, or the daemon is gone. */
  beginToWrite(): void {
    this.#isWriting = true;
    this.#guest = this.#write().catch(() => {
      // Of a daemon that was killed.
    });
  }

  async stopWriting(): Promise<void> {
    this.#isWriting = false;
    await this.#guest;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (signal === 'SIGTERM') await this.stopWriting();
    if (signal === 'SIGTERM') for (const device of this.#devices) await device.close();
    await this.#daemon?.stop(signal);
    await this.stopWriting();
    this.#daemon = undefined;
  }

  /** So many writes, one after the other. */
  async writeSome(count: number): Promise<void> {
    for (let left = count; left > 0; left--) await this.#writeNext();
  }

  async #write(): Promise<void> {
    while (this.#isWriting) await this.#writeNext();
  }

  async #writeNext(): Promise<void> {
    const sequence = this.#next;
    const { drive, offset } = this.#placeOf(sequence);
    await this.#devices[drive]!.write(blockOf(sequence), offset);
    // One that fails is made again: it may have been made or not.
    this.#next += 1;
  }

  /** Where the n-th write of a guest goes: to the drives in turn, at no regular place. */
  #placeOf(sequence: number): { readonly drive: number; readonly offset: number } {
    const digest = createHash('sha256').update(String(sequence)).digest();
    return { drive: sequence % 2, offset: this.#slot(digest.readUInt32LE(0) % BLOCKS) };
  }

  /** Near each other: a crash marks whole regions of 4 MiB, and the others are known to be as they were. */
  #slot(number: number): number {
    return Math.min(4, Math.floor(this.#size / LIVE_SIZE)) * BLOCK * number;
  }

  /** How a drive was made: no piece like another, and zeros where the guest writes. */
  #made(drive: number): Buffer {
    if (this.#size === LIVE_SIZE) return Buffer.alloc(LIVE_SIZE);
    const noise = Buffer.concat(
      Array.from({ length: PIECE / 32 }, (_, n) => createHash('sha256').update(`${n}`).digest()),
    );
    const bytes = Buffer.alloc(this.#size);
    for (let at = 0; at < bytes.length; at += PIECE) {
      noise.copy(bytes, at);
      bytes.writeDoubleLE(2 * at + drive, at + PIECE / 2 + 8);
    }
    for (let n = 0; n < BLOCKS; n++) bytes.fill(0, this.#slot(n), this.#slot(n) + BLOCK);
    return bytes;
  }

  /** Of the bitmaps of a drive. */
  async bitmapNames(node: 'a' | 'b'): Promise<readonly string[]> {
    await using control = await QmpControl.connect(this.socket);
    const nodes = await control.call('query-named-block-nodes');
    const found = nodes.find((each) => each['node-name'] === node)!;
    return found['dirty-bitmaps'].flatMap(({ name }) => name ?? []);
  }

  /** What the newest points of both drives in a repository hold. */
  async restored(repository: string): Promise<readonly [Buffer, Buffer]> {
    const contents: Buffer[] = [];
    for (const path of this.paths) {
      const target = join(this.#dir, 'restored.raw');
      rmSync(target, { force: true });
      await succeed('restore', repository, target, '-f', 'raw', '--drive-id', path);
      contents.push(await readDrive(target));
    }
    return [contents[0]!, contents[1]!];
  }

  /**
   * Whether two contents are the drives in one instant: all writes up to one of them, and no other.
   * The last one may have been under way.
   */
  areOfOneInstant(contents: readonly [Buffer, Buffer]): boolean {
    let last = 0;
    for (const content of contents) {
      for (let n = 0; n < BLOCKS; n++) {
        last = Math.max(last, Number(content.readBigUInt64LE(this.#slot(n))));
      }
    }
    const expected = [this.#made(0), this.#made(1)];
    for (let sequence = 1; sequence <= last; sequence++) {
      const { drive, offset } = this.#placeOf(sequence);
      blockOf(sequence).copy(expected[drive]!, offset);
    }
    return contents.every((content, drive) => content.equals(expected[drive]!));
  }

  async contents(): Promise<readonly [Buffer, Buffer]> {
    return [await readDrive(this.paths[0]), await readDrive(this.paths[1])];
  }
}
