import type { RecordingDevice } from '@tidemark/block/testing';
import type { BitmapDirectory } from '../../src/index.ts';

/** What is known of a bitmap: flags and the sha256 of its bits, where they may be read. */
export type Known = readonly string[];

/** The bitmaps as somebody sees them who opens the image. */
export async function knownOf(directory: BitmapDirectory): Promise<Known> {
  const known: string[] = [];
  for (const { name, granularity, enabled, inUse } of directory.records) {
    const bits = inUse ? 'in use' : (await directory.readContent(name)).sha256();
    known.push(`${name}: ${granularity}, ${enabled ? 'enabled' : 'disabled'}, ${bits}`);
  }
  return known;
}

interface Step {
  readonly issuedAt: number;
  readonly doneAt: number;
  readonly after: Known;
}

/** Changes bitmaps, and knows which of their states are possible after a power cut. */
export class BitmapLog {
  readonly #device: RecordingDevice;
  readonly #steps: Step[] = [];
  readonly #before: Known;

  constructor(device: RecordingDevice, before: Known) {
    this.#device = device;
    this.#before = before;
  }

  async step(directory: BitmapDirectory, change: () => Promise<void>): Promise<void> {
    const issuedAt = this.#device.events.length;
    await change();
    const doneAt = this.#device.events.length;
    this.#steps.push({ issuedAt, doneAt, after: await knownOf(directory) });
  }

  /** The state before and, where a change was under way, the one behind it. */
  possibleAt(count: number): readonly Known[] {
    const done = this.#steps.filter(({ doneAt }) => doneAt <= count);
    const underWay = this.#steps.find(({ issuedAt, doneAt }) => issuedAt < count && count < doneAt);
    const last = done.at(-1)?.after ?? this.#before;
    return underWay === undefined ? [last] : [last, underWay.after];
  }
}
