import { TidemarkError } from '@tidemark/core';
import { AccessGuard } from '../access-guard.ts';
import type { BlockExtent, WriteZeroesOptions } from '../block-device.ts';
import type { DriveFacts, FactsOptions, FileBlockDevice } from '../drive-facts.ts';
import { extentsOfRuns } from '../holes/extents-of-runs.ts';
import type { DataRuns, Holes } from '../holes/holes.ts';
import { fromSystemError } from '../io-error.ts';
import { type CallGroup, Calls } from './calls.ts';
import { endedEarly, type FileIo } from './file-io.ts';
import type { OpenFile } from './file-system.ts';
import type { PromptIo } from './prompt-io.ts';
import { settledFacts } from './settled-facts.ts';
import { Syncs } from './syncs.ts';
import { isWholeBlocks, notFast, writeZeros } from './write-zeros.ts';

// Less is written sooner than the helper is asked.
const MIN_HOLE = 64 * 1024;

export interface FileDeviceParts {
  readonly file: OpenFile;
  readonly io: FileIo;
  /** Absent where it is not the system's file. */
  readonly promptIo?: PromptIo | undefined;
  readonly holes: Holes;
  readonly size: number;
  readonly isResizable: boolean;
  /** Asks the system. Absent where it is not the system's file. */
  readonly readFacts?: (() => Promise<DriveFacts>) | undefined;
  /** Asks the system, in this tick. Absent where a file cannot be cut short by others. */
  readonly sizeNow?: (() => number) | undefined;
  /** Called once, when a sync has failed: reads are to show what is on disk. Never rejects. */
  readonly dropCached?: (() => Promise<void>) | undefined;
  readonly writable: boolean;
  /** Nobody reads it once it is closed. */
  readonly isTemporary: boolean;
  readonly label: string;
  /** A path, for messages. */
  readonly where: string;
}

/** An open file or block device. It owns the file and its helper. */
export class FileDevice implements FileBlockDevice {
  readonly label: string;
  readonly writable: boolean;
  readonly #parts: FileDeviceParts;
  readonly #guard = new AccessGuard(this);
  readonly #calls = new Calls();
  readonly #syncs = new Syncs((withTimes) => this.#sync(withTimes));
  #size: number;
  #isDirty = false;
  #resizes = 0;
  #syncedResizes = 0;
  #resizing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: FileDeviceParts) {
    this.#parts = parts;
    this.#size = parts.size;
    this.label = parts.label;
    this.writable = parts.writable;
  }

  get size(): number {
    return this.#size;
  }

  get canDiscard(): boolean {
    return this.writable && this.#parts.holes.canDiscard;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkRead(offset, target.length);
    const call = this.#calls.enter();
    try {
      await this.#parts.io.read(target, offset);
    } finally {
      call.leave();
    }
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkChange(offset, source.length);
    this.#assertNoGap(offset + source.length);
    const call = this.#calls.enter();
    try {
      await this.#parts.io.write(source, offset);
    } finally {
      this.#endChange(call);
    }
  }

  readNow(target: Uint8Array, offset: number): boolean {
    const { promptIo } = this.#parts;
    if (promptIo === undefined || !this.#guard.allowsRead(offset, target.length)) return false;
    return promptIo.read(target, offset);
  }

  readBlocking(target: Uint8Array, offset: number): boolean {
    const { promptIo } = this.#parts;
    if (promptIo === undefined || !this.#guard.allowsRead(offset, target.length)) return false;
    return promptIo.readWaiting(target, offset);
  }

  /** Not while a sync is under way, which a write may have to wait for. */
  writeNow(source: Uint8Array, offset: number): boolean {
    const { promptIo } = this.#parts;
    if (promptIo === undefined || this.#syncs.isBusy) return false;
    if (!this.#guard.allowsChange(offset, source.length)) return false;
    if (this.#leavesGap(offset + source.length)) return false;
    this.#isDirty = true;
    return promptIo.write(source, offset);
  }

  async writeZeroes(
    offset: number,
    length: number,
    { unmap = true, fast = false }: WriteZeroesOptions = {},
  ): Promise<void> {
    this.#guard.checkChange(offset, length);
    this.#assertNoGap(offset + length);
    const { io, holes } = this.#parts;
    // Of whole blocks the system zeroes all or nothing.
    if (fast && !isWholeBlocks(offset, length)) throw notFast(this.label);
    const call = this.#calls.enter();
    try {
      const isLong = length >= MIN_HOLE || fast;
      const done = isLong ? await holes.zero({ offset, length }, { unmap }) : { offset, length: 0 };
      if (fast && done.length < length) throw notFast(this.label);
      const doneEnd = done.offset + done.length;
      await writeZeros(io, offset, done.offset - offset);
      await writeZeros(io, doneEnd, offset + length - doneEnd);
    } finally {
      this.#endChange(call);
    }
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#guard.checkChange(offset, length);
    const { holes } = this.#parts;
    if (!holes.canDiscard) return;
    const call = this.#calls.enter();
    try {
      await holes.discard({ offset, length });
    } finally {
      this.#endChange(call);
    }
  }

  /** After a failed flush every later one fails too: the system drops what it could not write. */
  async flush(): Promise<void> {
    this.#guard.checkOpen();
    const call = this.#calls.enter();
    try {
      await this.#syncs.join();
    } finally {
      call.leave();
    }
  }

  async facts(options: FactsOptions = {}): Promise<DriveFacts | undefined> {
    const { durable = false, settled = durable, touched = false } = options;
    this.#guard.checkOpen();
    const { file, readFacts, where } = this.#parts;
    if (readFacts === undefined) return undefined;
    const call = this.#calls.enter();
    try {
      if (touched) await file.utimes?.(new Date(), new Date());
      // fdatasync leaves times behind: after a power cut they would be older than the content.
      if (durable) await this.#syncs.join({ withTimes: true });
      return settled ? await settledFacts(readFacts) : await readFacts();
    } catch (error) {
      throw fromSystemError(error, where);
    } finally {
      call.leave();
    }
  }

  assertWhole(): void {
    if (this.#leavesGap(this.#size)) throw endedEarly(this.#parts.where, this.#parts.sizeNow!());
  }

  extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    return extentsOfRuns(offset, length, (start, end) => this.#dataRuns(start, end));
  }

  /** One after the other; making a file shorter waits for the calls before it. */
  async resize(size: number): Promise<void> {
    this.#guard.checkResize(size);
    if (!this.#parts.isResizable) {
      throw new TidemarkError('DEVICE_UNSUPPORTED', `${this.label} has a fixed size`, {
        where: this.label,
      });
    }
    const previous = this.#resizing;
    const done = previous.then(() => this.#truncate(size));
    this.#resizing = done.catch(() => {});
    await done;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #dataRuns(start: number, end: number): Promise<DataRuns> {
    this.#guard.checkRead(start, end - start);
    if (start === end) return { upTo: end, bounds: [] };
    const call = this.#calls.enter();
    try {
      const runs = await this.#parts.holes.dataRuns(start, end);
      return runs ?? { upTo: end, bounds: [start, end] };
    } finally {
      call.leave();
    }
  }

  #assertNoGap(end: number): void {
    if (this.#leavesGap(end)) this.assertWhole();
  }

  /** What ends where the file did would hide that it was cut short: zeros would be before it. */
  #leavesGap(end: number): boolean {
    const { sizeNow } = this.#parts;
    return sizeNow !== undefined && end === this.#size && sizeNow() < end;
  }

  async #truncate(size: number): Promise<void> {
    const before = this.#size;
    this.assertWhole();
    if (size < before) {
      this.#size = size;
      // A write that began before would make the file longer again, with old bytes in it.
      await this.#calls.drain();
    }
    try {
      await this.#parts.file.truncate(size);
    } catch (error) {
      this.#size = before;
      throw fromSystemError(error, this.#parts.where);
    }
    this.#size = size;
    this.#resizes += 1;
    this.#isDirty = true;
  }

  async #sync(withTimes: boolean): Promise<void> {
    const { file, where, dropCached } = this.#parts;
    const resizes = this.#resizes;
    this.#isDirty = false;
    try {
      const isWhole = withTimes || resizes > this.#syncedResizes;
      if (isWhole && file.sync !== undefined) await file.sync();
      else await file.datasync();
    } catch (error) {
      await dropCached?.();
      throw fromSystemError(error, where);
    }
    this.#syncedResizes = Math.max(resizes, this.#syncedResizes);
  }

  async #close(): Promise<void> {
    this.#guard.close();
    await this.#resizing;
    await this.#calls.drain();
    const { isTemporary } = this.#parts;
    try {
      if (!isTemporary && (this.#isDirty || this.#syncs.hasFailed)) await this.#syncs.join();
    } finally {
      // The helper first: its copy of the descriptor holds the lock too.
      await this.#parts.holes.close();
      await this.#parts.file.close();
    }
  }

  /** A change that failed may have been made in part, so it counts. */
  #endChange(call: CallGroup): void {
    this.#isDirty = true;
    call.leave();
  }
}
