/** What a dirty bitmap means, granule by granule and with nothing clever: the model in tests. */
export class NaiveBitmap {
  readonly granularity: number;
  diskSize: number;
  bits: boolean[];

  constructor(diskSize: number, granularity: number) {
    this.granularity = granularity;
    this.diskSize = diskSize;
    this.bits = Array.from({ length: Math.ceil(diskSize / granularity) }, () => false);
  }

  get count(): number {
    return this.bits.filter(Boolean).length;
  }

  set(offset: number, length: number): void {
    if (length === 0) return;
    const first = Math.floor(offset / this.granularity);
    for (let i = first; i * this.granularity < offset + length; i++) this.bits[i] = true;
  }

  /** Granules in [from, to). */
  fill(from: number, to: number, dirty: boolean): void {
    for (let i = from; i < to && i < this.bits.length; i++) this.bits[i] = dirty;
  }

  merge(source: NaiveBitmap): void {
    for (let i = 0; i < source.bits.length; i++) {
      if (!source.bits[i]) continue;
      const offset = i * source.granularity;
      this.set(offset, Math.min(source.granularity, this.diskSize - offset));
    }
  }

  resize(diskSize: number, grown: 'dirty' | 'clean'): void {
    const before = this.diskSize;
    const old = this.bits;
    this.diskSize = diskSize;
    this.bits = Array.from({ length: Math.ceil(diskSize / this.granularity) }, (_, i) => {
      return old[i] ?? false;
    });
    if (grown === 'dirty' && diskSize > before) this.set(before, diskSize - before);
  }

  /** Byte by byte would be the same: from granule to granule. */
  next(offset: number, end: number, dirty: boolean): number {
    for (let i = 0; i < this.bits.length; i++) {
      const from = Math.max(offset, i * this.granularity);
      const to = Math.min(end, this.diskSize, (i + 1) * this.granularity);
      if (from < to && this.bits[i] === dirty) return from;
    }
    return -1;
  }

  runs(offset: number, length: number): { offset: number; length: number; dirty: boolean }[] {
    const runs: { offset: number; length: number; dirty: boolean }[] = [];
    for (const [i, dirty] of this.bits.entries()) {
      const from = Math.max(offset, i * this.granularity);
      const to = Math.min(offset + length, this.diskSize, (i + 1) * this.granularity);
      if (from >= to) continue;
      const last = runs.at(-1);
      if (last?.dirty === dirty) last.length += to - from;
      else runs.push({ offset: from, length: to - from, dirty });
    }
    return runs;
  }

  /** Whole 64-bit words, at least one; the lowest bit of a byte comes first. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(8 * Math.max(1, Math.ceil(this.bits.length / 64)));
    for (const [i, dirty] of this.bits.entries()) {
      if (dirty) bytes[Math.floor(i / 8)]! += 2 ** (i % 8);
    }
    return bytes;
  }
}
