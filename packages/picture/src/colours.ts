export type Colour = readonly [red: number, green: number, blue: number];

/** Clean: near to the paper, and not it, so that the disk's extent shows. */
export const CLEAN: Colour = [226, 230, 235];

/** From little to all dirty: ever darker too, for those who do not tell colours apart, and for printers. */
const RAMP: readonly Colour[] = [
  [253, 206, 120],
  [246, 139, 71],
  [205, 66, 84],
  [105, 22, 97],
];

/** The colour of a cell; anything dirty is told from clean, however little it is. */
export function colourOf(dirty: number): Colour {
  if (dirty <= 0) return CLEAN;
  const place = Math.min(dirty, 1) * (RAMP.length - 1);
  const below = Math.min(Math.floor(place), RAMP.length - 2);
  const [from, to] = [RAMP[below]!, RAMP[below + 1]!];
  const mix = (channel: 0 | 1 | 2) =>
    Math.round(from[channel] + (to[channel] - from[channel]) * (place - below));
  return [mix(0), mix(1), mix(2)];
}
