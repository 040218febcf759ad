import type {
  BlockDeviceCounters,
  BlockDeviceFacts,
  DriveFacts,
  FactsOptions,
  FileFacts,
} from '@tidemark/block';
import type { BoundDrive } from '../../src/index.ts';

const NS_PER_MS = 1_000_000n;

/** A drive of which only the facts are there, and that can be changed as a file can. */
export class SimulatedDrive implements BoundDrive {
  readonly label = 'raw drive';
  size: number;
  /** What was asked for: `durable` or `now`. */
  readonly asked: string[] = [];
  known: DriveFacts | undefined;
  failure: Error | undefined;
  /** Of the content, where a test has one. */
  read?: (target: Uint8Array, offset: number) => Promise<void>;
  /** Milliseconds since 1970. */
  now = 1_700_000_000_000;

  constructor(size: number) {
    this.size = size;
    const time = this.#time;
    this.known = {
      kind: 'file',
      size,
      modified: time,
      changed: time,
      born: time,
      inode: 12n,
      device: 34n,
    };
  }

  async facts({ durable = false, touched = false }: FactsOptions = {}): Promise<
    DriveFacts | undefined
  > {
    this.asked.push(durable ? 'durable' : 'now');
    if (touched) this.write();
    if (this.failure !== undefined) throw this.failure;
    return this.known;
  }

  change(changes: Partial<FileFacts>): void {
    this.known = { ...(this.known as FileFacts), ...changes };
  }

  /** As a disk of which the system counts what is written. */
  beBlockDevice(): void {
    const bootId = '00112233445566778899aabbccddeeff';
    const counters = { diskSequence: 3n, writtenSectors: 100n, bootId };
    this.known = { kind: 'block device', size: this.size, device: 34n, counters };
  }

  /** Of a block device. */
  count(changes: Partial<BlockDeviceCounters>): void {
    const { counters, ...disk } = this.known as BlockDeviceFacts;
    this.known = { ...disk, counters: { ...counters!, ...changes } };
  }

  /** Now, which is a second later than before. */
  write(): void {
    this.now += 1000;
    if (this.known?.kind === 'block device') {
      this.count({ writtenSectors: this.known.counters!.writtenSectors + 8n });
      return;
    }
    this.change({ modified: this.#time, changed: this.#time });
  }

  resize(size: number): void {
    this.size = size;
    this.change({ size });
    this.write();
  }

  chmod(): void {
    this.now += 1000;
    this.change({ changed: this.#time });
  }

  get #time(): bigint {
    return BigInt(this.now) * NS_PER_MS;
  }
}
