import type { Random } from './random.ts';

/** Which changes that no flush covers are on the disk: whole, not at all, or in some sectors. */
export type Loss = (index: number) => boolean | ((sector: number) => boolean);

/** What a power cut may leave of `count` changes that no flush covers. */
const LOSSES: readonly ((random: Random, count: number) => Loss)[] = [
  () => () => false,
  () => () => true,
  (random, count) => {
    const end = random.int(count + 1);
    return (index) => index < end;
  },
  (random, count) => {
    const lost = random.int(count + 1);
    return (index) => index !== lost;
  },
  (random, count) => {
    const kept = random.int(count + 1);
    return (index) => index === kept;
  },
  (random) => () => random.chance(50),
  (random) => () => () => random.chance(50),
  // Torn as a disk of 4 KiB sectors tears.
  (random) => () => {
    const kept = new Map<number, boolean>();
    return (sector) => {
      const block = Math.floor(sector / 8);
      const known = kept.get(block) ?? random.chance(50);
      kept.set(block, known);
      return known;
    };
  },
];

export function chooseLoss(random: Random, count: number): Loss {
  return random.pick(LOSSES)(random, count);
}
