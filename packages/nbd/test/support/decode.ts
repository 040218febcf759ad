import { type Answer } from './raw-client.ts';

/** What a reply says, put together from its messages. */
export interface Decoded {
  readonly errno: number;
  readonly text: string;
  /** For a read: its bytes, where they came; what did not come is 0xee. */
  readonly data: Uint8Array;
  /** Bytes that came as holes. */
  readonly holes: number;
  /** By context: runs of length and flags. */
  readonly status: ReadonlyMap<number, readonly (readonly [number, number])[]>;
}

const SIMPLE_MAGIC = 0x67446698;

export function decode(answers: readonly Answer[], read = { offset: 0, length: 0 }): Decoded {
  const data = new Uint8Array(read.length).fill(0xee);
  const status = new Map<number, [number, number][]>();
  let errno = 0;
  let said = '';
  let holes = 0;
  for (const answer of answers) {
    if (answer === 'end') throw new Error('the server hung up');
    if (answer.readUInt32BE(0) === SIMPLE_MAGIC) {
      errno = answer.readUInt32BE(4);
      data.set(answer.subarray(16));
      continue;
    }
    const type = answer.readUInt16BE(6);
    const body = answer.subarray(20);
    if (type === 1) data.set(body.subarray(8), Number(body.readBigUInt64BE()) - read.offset);
    if (type === 2) {
      const start = Number(body.readBigUInt64BE()) - read.offset;
      data.fill(0, start, start + body.readUInt32BE(8));
      holes += body.readUInt32BE(8);
    }
    if (type === 5) status.set(body.readUInt32BE(), runsOf(body.subarray(4)));
    if (type >= 0x8000) {
      errno = body.readUInt32BE();
      said = body.subarray(6).toString();
    }
  }
  return { errno, text: said, data, holes, status };
}

function runsOf(bytes: Buffer): [number, number][] {
  const runs: [number, number][] = [];
  for (let at = 0; at < bytes.length; at += 8) {
    runs.push([bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]);
  }
  return runs;
}

/** The cookie of a message of the transmission phase. */
export function cookieOf(answer: Answer): number {
  if (answer === 'end') throw new Error('the server hung up');
  return Number(answer.readBigUInt64BE(8));
}
