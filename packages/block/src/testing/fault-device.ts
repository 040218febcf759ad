import { TidemarkError } from '@tidemark/core';
import { AccessGuard } from '../access-guard.ts';
import type { BlockDevice, BlockExtent, WriteZeroesOptions } from '../block-device.ts';
import { type DeviceOperation, type Fault, FaultPlan } from './fault-plan.ts';
import { keptRuns } from './sectors.ts';

/** A device that goes wrong as planned; with no faults it is the inner one. Closes the inner one. */
export class FaultDevice implements BlockDevice {
  readonly #inner: BlockDevice;
  readonly #plan: FaultPlan;
  readonly #guard = new AccessGuard(this);

  constructor(inner: BlockDevice, faults: readonly Fault[] = []) {
    this.#inner = inner;
    this.#plan = new FaultPlan(faults);
  }

  get label(): string {
    return this.#inner.label;
  }

  get size(): number {
    return this.#inner.size;
  }

  get writable(): boolean {
    return this.#inner.writable;
  }

  get canDiscard(): boolean {
    return this.#inner.canDiscard;
  }

  /** Changes and flushes so far, for a loop over every place where a fault may strike. */
  get operations(): number {
    return this.#plan.operations;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkRead(offset, target.length);
    await this.#run('read', () => this.#inner.read(target, offset));
  }

  readBlocking(target: Uint8Array, offset: number): boolean {
    if (!this.#guard.allowsRead(offset, target.length)) return false;
    if (this.#plan.next('read') !== undefined) return false;
    return this.#inner.readBlocking?.(target, offset) ?? false;
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkChange(offset, source.length);
    await this.#run(
      'write',
      () => this.#inner.write(source, offset),
      (fault) => this.#writePart(fault, source, offset),
    );
  }

  async writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void> {
    this.#guard.checkChange(offset, length);
    await this.#run('writeZeroes', () => this.#inner.writeZeroes(offset, length, options));
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#guard.checkChange(offset, length);
    await this.#run('discard', () => this.#inner.discard(offset, length));
  }

  async flush(): Promise<void> {
    this.#guard.checkOpen();
    await this.#run('flush', () => this.#inner.flush());
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    this.#guard.checkRead(offset, length);
    yield* this.#inner.extents(offset, length);
  }

  async resize(size: number): Promise<void> {
    this.#guard.checkResize(size);
    await this.#run('resize', () => this.#inner.resize(size));
  }

  async close(): Promise<void> {
    this.#guard.close();
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(
    operation: DeviceOperation,
    act: () => Promise<void>,
    actInPart: (fault: Fault) => Promise<void> = async () => {},
  ): Promise<void> {
    const fault = this.#plan.next(operation);
    if (fault === undefined) {
      await act();
      return;
    }
    if (fault.kind === 'drop' && fault.how === 'silence') return;
    await actInPart(fault);
    const code = fault.kind === 'drop' ? 'IO_FAILED' : (fault.code ?? 'IO_FAILED');
    throw new TidemarkError(code, `a planned fault struck a call of ${operation}`, {
      where: this.label,
    });
  }

  async #writePart(fault: Fault, source: Uint8Array, offset: number): Promise<void> {
    if (fault.kind === 'short') await this.#inner.write(source.subarray(0, fault.bytes), offset);
    if (fault.kind !== 'tear') return;
    for (const [start, end] of keptRuns(offset, source.length, fault.keeps)) {
      await this.#inner.write(source.subarray(start, end), offset + start);
    }
  }
}
