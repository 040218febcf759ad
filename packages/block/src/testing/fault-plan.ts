import type { ErrorCode } from '@tidemark/core';

/** The calls of a `BlockDevice` that can be made to fail. */
export type DeviceOperation = 'read' | 'write' | 'writeZeroes' | 'discard' | 'flush' | 'resize';

interface Trigger {
  /** Calls of that kind, or `change`: all but reads and flushes. */
  readonly on: DeviceOperation | 'change';
  /** The first of them to fail, counted from 0. Default 0. */
  readonly nth?: number;
  /** How many in a row. Default 1. */
  readonly times?: number;
  /** Default IO_FAILED. */
  readonly code?: ErrorCode;
}

/** Nothing is done, and the call fails. */
export interface FailFault extends Trigger {
  readonly kind: 'fail';
}

/** The first bytes of a write are written, then it fails. */
export interface ShortFault extends Omit<Trigger, 'on'> {
  readonly kind: 'short';
  readonly bytes: number;
}

/** Some sectors of a write are written, then it fails. */
export interface TearFault extends Omit<Trigger, 'on'> {
  readonly kind: 'tear';
  /** By the sector's number on the device, of 512 bytes. */
  readonly keeps: (sector: number) => boolean;
}

/** After so many changes and flushes nothing reaches the device any more. */
export interface DropFault {
  readonly kind: 'drop';
  readonly after: number;
  /** `silence` says that all went well, as a lying disk does; `failure` fails with IO_FAILED. */
  readonly how: 'silence' | 'failure';
}

/** One thing that goes wrong with a `FaultDevice`. */
export type Fault = FailFault | ShortFault | TearFault | DropFault;

/** Counts calls and says which fault strikes. */
export class FaultPlan {
  readonly #faults: readonly Fault[];
  readonly #seen: number[];
  #dropped: DropFault | undefined;
  #operations = 0;

  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
    this.#seen = faults.map(() => 0);
  }

  /** Changes and flushes so far, those that failed included. */
  get operations(): number {
    return this.#operations;
  }

  /** To be asked once for each call. */
  next(operation: DeviceOperation): Fault | undefined {
    const isCounted = operation !== 'read';
    const before = isCounted ? this.#operations++ : this.#operations;
    // All of them count the call, whichever strikes.
    const striking = this.#faults.filter((fault, index) => this.#strikes(fault, index, operation));
    if (!isCounted) return striking[0];
    this.#dropped ??= this.#faults.find(
      (fault): fault is DropFault => fault.kind === 'drop' && before >= fault.after,
    );
    return this.#dropped ?? striking[0];
  }

  #strikes(fault: Fault, index: number, operation: DeviceOperation): boolean {
    if (fault.kind === 'drop' || !matches(fault, operation)) return false;
    const seen = this.#seen[index]!++;
    const { nth = 0, times = 1 } = fault;
    return seen >= nth && seen < nth + times;
  }
}

function matches(fault: Exclude<Fault, DropFault>, operation: DeviceOperation): boolean {
  const on = fault.kind === 'fail' ? fault.on : 'write';
  return on === 'change' ? operation !== 'read' && operation !== 'flush' : on === operation;
}
