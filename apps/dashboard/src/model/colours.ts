export type Theme = 'light' | 'dark';
type Rgb = readonly [number, number, number];

interface Palette {
  readonly empty: Rgb;
  readonly allocated: Rgb;
  readonly dirty: readonly [Rgb, Rgb, Rgb];
  readonly written: Rgb;
}

// Blue against orange, told apart by those who see no red or green as well; what was written has a
// shape of its own besides.
const PALETTES: Readonly<Record<Theme, Palette>> = {
  light: {
    empty: [230, 233, 238],
    allocated: [164, 184, 209],
    dirty: [
      [247, 200, 120],
      [232, 132, 28],
      [176, 58, 8],
    ],
    written: [0, 92, 115],
  },
  dark: {
    empty: [33, 39, 48],
    allocated: [56, 84, 118],
    dirty: [
      [122, 74, 20],
      [216, 126, 30],
      [255, 196, 92],
    ],
    written: [140, 246, 255],
  },
};

/** A colour for each value of a byte, ready for `fillStyle`. */
export interface Scales {
  readonly empty: string;
  readonly allocated: readonly string[];
  readonly dirty: readonly string[];
  readonly written: readonly string[];
}

const made = new Map<Theme, Scales>();

/** The colours of a theme's layers. A cell that is dirty at all is far from one that is not. */
export function scalesOf(theme: Theme): Scales {
  const known = made.get(theme);
  if (known !== undefined) return known;
  const { empty, allocated, dirty, written } = PALETTES[theme];
  const scales: Scales = {
    empty: css(empty),
    // From a third on: a cell that holds anything has to be seen.
    allocated: scale((share) => mix(empty, allocated, 0.35 + 0.65 * share)),
    dirty: scale((share) => ramp(dirty, Math.sqrt(share))),
    written: scale(
      () => written,
      (share) => 0.25 + 0.75 * share,
    ),
  };
  made.set(theme, scales);
  return scales;
}

function scale(
  colour: (share: number) => Rgb,
  alpha: (share: number) => number = () => 1,
): string[] {
  return Array.from({ length: 256 }, (_, byte) => css(colour(byte / 255), alpha(byte / 255)));
}

function ramp([low, middle, high]: Palette['dirty'], share: number): Rgb {
  return share < 0.5 ? mix(low, middle, share * 2) : mix(middle, high, share * 2 - 1);
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const part = (index: 0 | 1 | 2): number =>
    Math.round(from[index] + (to[index] - from[index]) * share);
  return [part(0), part(1), part(2)];
}

const css = ([red, green, blue]: Rgb, alpha = 1): string =>
  alpha === 1
    ? `rgb(${red} ${green} ${blue})`
    : `rgb(${red} ${green} ${blue} / ${alpha.toFixed(2)})`;
