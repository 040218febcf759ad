import { readFileSync, writeFileSync } from 'node:fs';

const SECTOR = 512;

export interface QemuWrite {
  readonly offset: number;
  readonly data: Uint8Array;
}

/**
 * What QEMU writes to an image while `work` runs, in order; it gets the options that name the image.
 * The image is left as it is then.
 */
export async function qemuWrites(
  path: string,
  work: (imageOptions: string) => Promise<unknown>,
): Promise<readonly QemuWrite[]> {
  const log = `${path}.log`;
  writeFileSync(log, '');
  const options = [
    'driver=qcow2,file.driver=blklogwrites,file.log-sector-size=512',
    `file.file.driver=file,file.file.filename=${path}`,
    `file.log.driver=file,file.log.filename=${log}`,
  ].join(',');
  await work(options);
  return parseLog(new Uint8Array(readFileSync(log)));
}

/** Linux kernel documentation, "dm-log-writes", "Log Format": a super block, then the entries. */
function parseLog(bytes: Uint8Array): QemuWrite[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const count = Number(view.getBigUint64(16, true));
  const writes: QemuWrite[] = [];
  let at = SECTOR;
  for (let i = 0; i < count; i++) {
    const sector = Number(view.getBigUint64(at, true));
    const length = Number(view.getBigUint64(at + 8, true)) * SECTOR;
    const isDiscard = (view.getBigUint64(at + 16, true) & 4n) !== 0n;
    at += SECTOR;
    if (isDiscard || length === 0) continue;
    writes.push({ offset: sector * SECTOR, data: bytes.slice(at, at + length) });
    at += length;
  }
  return writes;
}

/** An image after these writes. */
export function afterWrites(image: Uint8Array, writes: readonly QemuWrite[]): Uint8Array {
  return writes.reduce((bytes, write) => withBytes(bytes, write, 0, write.data.length), image);
}

/** An image with the writes made in it: of the last one some sectors alone, for each choice of them. */
export function* tornStates(
  image: Uint8Array,
  writes: readonly QemuWrite[],
  sectorSize: number,
): Generator<{ readonly name: string; readonly bytes: Uint8Array }> {
  let before = image.slice();
  for (const [index, write] of writes.entries()) {
    const after = withBytes(before, write, 0, write.data.length);
    const changed: number[] = [];
    for (let at = 0; at < write.data.length; at += sectorSize) {
      const [from, to] = [write.offset + at, write.offset + at + sectorSize];
      if (Buffer.compare(before.subarray(from, to), after.subarray(from, to)) !== 0) {
        changed.push(at);
      }
    }
    if (changed.length > 6) throw new Error(`write ${index} changes ${changed.length} sectors`);
    for (let mask = 0; mask < 2 ** changed.length; mask++) {
      let bytes = before;
      for (const [i, at] of changed.entries()) {
        if ((mask & (1 << i)) !== 0) bytes = withBytes(bytes, write, at, sectorSize);
      }
      yield { name: `write ${index}, sectors ${mask.toString(2)}`, bytes };
    }
    before = after;
  }
}

function withBytes(image: Uint8Array, { offset, data }: QemuWrite, at: number, length: number) {
  const bytes = new Uint8Array(Math.max(image.length, offset + at + length));
  bytes.set(image);
  bytes.set(data.subarray(at, at + length), offset + at);
  return bytes;
}
