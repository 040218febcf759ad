/** The messages of a hand-over in their order. */
const MESSAGES = ['offer', 'ready', 'take', 'taken'] as const;

const CASUALTIES = ['source', 'target', 'connection', 'both'] as const;

/** Where a hand-over is cut off, and what of it. */
export interface CutPoint {
  readonly message: (typeof MESSAGES)[number];
  /** Whether the message still arrives. */
  readonly isPassed: boolean;
  /** Milliseconds after the message. */
  readonly delay: number;
  readonly casualty: (typeof CASUALTIES)[number];
}

/** The same for the same number. */
export function cutPointOf(seed: number): CutPoint {
  const random = mulberry(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const message = pick(MESSAGES);
  // What is between the last two messages takes longest.
  const delay = Math.floor(random() * (message === 'take' || message === 'ready' ? 120 : 20));
  return { message, delay, isPassed: random() < 0.7, casualty: pick(CASUALTIES) };
}

function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
