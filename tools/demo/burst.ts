import { connectNbd } from '@tidemark/nbd';
import { generator } from './generator.ts';

const WRITERS = 8;
const WRITE_SIZE = 64 * 1024;
const AREA = 400 * 1024 * 1024;
/** Answered writes after which the burst is in full swing. */
const HALFWAY = 150;

/** Writes that go on until the server is gone. */
export interface Burst {
  /** Resolves when many writes were answered and others are under way. */
  readonly halfway: Promise<void>;
  /** How many writes were answered in the end. */
  readonly answered: Promise<number>;
}

/** Writes here and there, several writes at a time, as a busy guest does. */
export async function startBurst(uri: string, { seed }: { readonly seed: number }): Promise<Burst> {
  const disk = await connectNbd(uri);
  const random = generator(seed);
  const { promise: halfway, resolve, reject } = Promise.withResolvers<void>();
  let answered = 0;
  const write = async () => {
    for (;;) {
      const offset = Math.floor((random() * AREA) / 4096) * 4096;
      await disk.write(new Uint8Array(WRITE_SIZE).fill(1 + random() * 255), offset);
      answered += 1;
      if (answered === HALFWAY) resolve();
    }
  };
  const ended = Promise.allSettled(Array.from({ length: WRITERS }, write)).then(async () => {
    // Nobody hears of it once halfway is reached.
    reject(new Error(`${uri} was gone after ${answered} writes`));
    await disk.close().catch(() => {});
    return answered;
  });
  return { halfway, answered: ended };
}
