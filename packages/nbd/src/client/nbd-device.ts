import { type BlockDevice, type BlockExtent, type WriteZeroesOptions } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { AllocationFlag, BASE_ALLOCATION } from '../protocol/context-names.ts';
import { Command, CommandFlag, ExportFlag } from '../protocol/transmission.ts';
import { DeviceGuard } from './device-guard.ts';
import type { Ask, Link } from './link/link.ts';
import type { BlockSize } from './negotiate/block-size.ts';
import type { Session } from './negotiate/negotiate.ts';
import type { StatusReply } from './replies/status-reply.ts';
import { Requests } from './requests.ts';
import { SilenceWatch } from './silence-watch.ts';
import { type ContextExtent, statusExtents } from './status-extents.ts';

interface Parts {
  readonly label: string;
  readonly session: Session;
  readonly link: Link;
  /** Milliseconds that a server gets to end the connection. */
  readonly timeout: number;
  /** Milliseconds of silence after which a close gives the server up. */
  readonly silence: number;
}

/**
 * An export of an NBD server, as a disk. It can be written unless the server says that it is
 * read-only. What a server cannot do is made up for: zeros are written where it has no command for
 * them, and all counts as data where it does not tell extents. Where it asks for whole blocks
 * (`blockSize.minimum`), reads and extents may still begin and end anywhere, but writes and zeros
 * may not, and discards leave out the blocks that they only touch.
 *
 * A call fails with the code that the server's error stands for and the server's words in the
 * message; with CONNECTION_LOST or PROTOCOL_ERROR it is at an end, and every other call, under way
 * or later, fails with that same error.
 */
export class NbdDevice implements BlockDevice {
  readonly label: string;
  readonly size: number;
  readonly writable: boolean;
  readonly canDiscard: boolean;
  /** What requests of this server are best made of. Bytes. */
  readonly blockSize: BlockSize;
  /** Names of the metadata contexts that the server agreed to tell. */
  readonly contexts: readonly string[];
  readonly #parts: Parts;
  readonly #requests: Requests;
  readonly #guard: DeviceGuard;
  #closing: Promise<void> | undefined;

  /** Only `connectNbd` makes one. */
  constructor(parts: Parts) {
    const { label, session, link } = parts;
    this.#parts = parts;
    this.label = label;
    this.size = session.size;
    this.blockSize = session.blockSize;
    this.writable = !this.#has(ExportFlag.READ_ONLY);
    this.canDiscard = this.writable && this.#has(ExportFlag.TRIM);
    this.contexts = [...session.contexts.keys()];
    this.#requests = new Requests(link, session.blockSize);
    this.#guard = new DeviceGuard(this, link);
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkRead(offset, target.length);
    await this.#guard.run(() => this.#requests.read(target, offset));
  }

  /** @throws DEVICE_UNSUPPORTED: not whole blocks of a server that asks for them */
  async write(source: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkChange(offset, source.length);
    await this.#guard.change(() => this.#requests.write(source, offset));
  }

  /** @throws DEVICE_UNSUPPORTED: not whole blocks of a server that asks for them */
  async writeZeroes(
    offset: number,
    length: number,
    { unmap = true, fast = false }: WriteZeroesOptions = {},
  ): Promise<void> {
    this.#guard.checkChange(offset, length);
    if (fast && !this.#has(ExportFlag.FAST_ZERO)) throw this.#notFast();
    const flags = (unmap ? 0 : CommandFlag.NO_HOLE) | (fast ? CommandFlag.FAST_ZERO : 0);
    await this.#guard.change(() =>
      this.#has(ExportFlag.WRITE_ZEROES)
        ? this.#requests.effect({ type: Command.WRITE_ZEROES, flags }, offset, length)
        : this.#requests.writeZeroBytes(offset, length),
    );
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#guard.checkChange(offset, length);
    if (!this.canDiscard) return;
    await this.#guard.change(() => this.#requests.discard(offset, length));
  }

  /**
   * Where the server has no command for it, this does nothing: such a server either makes each
   * write durable before it answers, or cannot make it so at all, and does not say which.
   */
  async flush(): Promise<void> {
    this.#guard.checkUsable();
    await this.#guard.flush(() => this.#flush());
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    this.#guard.checkRead(offset, length);
    if (length === 0) return;
    if (!this.contexts.includes(BASE_ALLOCATION)) {
      yield { offset, length, zero: false, allocated: true };
      return;
    }
    for await (const extent of this.contextExtents(BASE_ALLOCATION, offset, length)) {
      const zero = (extent.flags & AllocationFlag.ZERO) !== 0;
      // A hole that does not read as zeros is no backing file's: its content is read from here.
      const allocated = !zero || (extent.flags & AllocationFlag.HOLE) === 0;
      yield { offset: extent.offset, length: extent.length, zero, allocated };
    }
  }

  /**
   * What a metadata context says of the range: in order, without gaps, neighbours of equal flags
   * merged. `qemu:dirty-bitmap:NAME` has flag 1 where the bitmap is dirty.
   *
   * @throws DEVICE_UNSUPPORTED: not one of `contexts`
   */
  async *contextExtents(
    name: string,
    offset: number,
    length: number,
  ): AsyncGenerator<ContextExtent> {
    this.#guard.checkRead(offset, length);
    if (!this.contexts.includes(name)) throw this.#unknownContext(name);
    const send = async (ask: Ask<StatusReply>) => {
      this.#guard.checkUsable();
      return this.#guard.tell(() => this.#parts.link.request(ask));
    };
    const { size, blockSize } = this;
    yield* statusExtents(send, { offset, length, context: name, size, block: blockSize.minimum });
  }

  /** The protocol has no command for it. */
  async resize(size: number): Promise<void> {
    this.#guard.checkWritable();
    if (!Number.isSafeInteger(size) || size < 0)
      throw new RangeError(`${size} is not a size in bytes`);
    throw new TidemarkError('DEVICE_UNSUPPORTED', `${this.label} has a fixed size`, {
      where: this.label,
      hint: 'resize the disk where the server runs',
    });
  }

  /**
   * Waits for the calls that are under way, flushes, and takes leave of the server, or hangs up on
   * it when it says nothing for long. Fails when what was written may not be durable and no call
   * has told so.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * Hangs up at once, for a server that does not answer: calls under way fail, and a close waits no
   * longer. What was not flushed may be lost.
   */
  destroy(): void {
    this.#parts.link.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const { link, timeout, silence } = this.#parts;
    const watch = new SilenceWatch(silence, {
      progress: () => link.received,
      onSilence: () => link.destroy(),
    });
    try {
      await this.#guard.close(
        () => this.#flush(),
        () => link.hurry(),
      );
    } finally {
      watch.end();
      await link.disconnect(timeout);
    }
  }

  async #flush(): Promise<void> {
    if (this.#has(ExportFlag.FLUSH)) await this.#requests.flush();
  }

  #has(flag: number): boolean {
    return (this.#parts.session.flags & flag) !== 0;
  }

  #notFast(): TidemarkError {
    const text = `${this.label} does not say whether it has zeros without writing them`;
    return new TidemarkError('DEVICE_UNSUPPORTED', text, {
      where: this.label,
      hint: 'write them without asking for speed',
    });
  }

  #unknownContext(name: string): TidemarkError {
    return new TidemarkError('DEVICE_UNSUPPORTED', `${this.label} does not tell '${name}'`, {
      where: this.label,
      hint: 'ask for it when connecting (contexts), and check that the server exports it',
    });
  }
}
