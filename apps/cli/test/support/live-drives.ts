import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import { QmpControl } from '@tidemark/qmp';
import { type Daemon, startDaemon } from '../../../../tools/programs.ts';
import { makeDrive, readDrive } from './drives.ts';
import { succeed } from './tidemark.ts';

const BLOCK = 4096;
const BLOCKS = 1024;

/** Bytes of each drive. */
export const LIVE_SIZE = BLOCK * BLOCKS;

/** Where the n-th write of a guest goes: to the drives in turn, at no regular place. */
function placeOf(sequence: number): { readonly drive: number; readonly offset: number } {
  const digest = createHash('sha256').update(String(sequence)).digest();
  return { drive: sequence % 2, offset: (digest.readUInt32LE(0) % BLOCKS) * BLOCK };
}

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
  #daemon: Daemon | undefined;
  #devices: readonly NbdDevice[] = [];
  #next = 1;
  #guest: Promise<void> = Promise.resolve();
  #isWriting = false;

  constructor(dir: string) {
    this.#dir = dir;
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
    await makeDrive(this.paths[0], 'qcow2', LIVE_SIZE);
    await makeDrive(this.paths[1], 'raw', LIVE_SIZE);
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
    const { drive, offset } = placeOf(sequence);
    await this.#devices[drive]!.write(blockOf(sequence), offset);
    // One that fails is made again: it may have been made or not.
    this.#next += 1;
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
      for (let at = 0; at < LIVE_SIZE; at += BLOCK) {
        last = Math.max(last, Number(content.readBigUInt64LE(at)));
      }
    }
    const expected = [Buffer.alloc(LIVE_SIZE), Buffer.alloc(LIVE_SIZE)];
    for (let sequence = 1; sequence <= last; sequence++) {
      const { drive, offset } = placeOf(sequence);
      blockOf(sequence).copy(expected[drive]!, offset);
    }
    return contents.every((content, drive) => content.equals(expected[drive]!));
  }

  async contents(): Promise<readonly [Buffer, Buffer]> {
    return [await readDrive(this.paths[0]), await readDrive(this.paths[1])];
  }
}
