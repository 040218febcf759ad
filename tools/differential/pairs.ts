import type { Model } from './model.ts';
import { BACKINGS, BITMAPS, CLUSTER_SIZES, DATA_FILES, type Shape, WIDTHS } from './shapes.ts';

/** What images differ in, and the values that each of it has. */
const FACTORS = {
  clusters: CLUSTER_SIZES.map(String),
  refcounts: WIDTHS.map(String),
  subclusters: ['no', 'yes'],
  'data file': DATA_FILES,
  backing: BACKINGS,
  compressed: ['no', 'yes'],
  snapshots: ['no', 'yes'],
  bitmaps: BITMAPS,
} as const satisfies Readonly<Record<string, readonly string[]>>;

type Factor = keyof typeof FACTORS;
type Values = Readonly<Record<Factor, string>>;

/** Two values that no image has at once, by the format or since nobody makes such images. */
const EXCLUDED: readonly ((value: Partial<Values>) => boolean)[] = [
  // qcow2.rst, "Extended L2 Entries": 32 subclusters of 512 bytes at least.
  (it) => it.subclusters === 'yes' && Number(it.clusters) < 16_384,
  (it) => it.snapshots === 'yes' && (it.refcounts === '1' || isOther(it['data file'], 'none')),
  // qcow2.rst, "autoclear_features": with raw external data there is no backing file.
  (it) => it['data file'] === 'raw' && isOther(it.backing, 'none'),
  // Such images are converted to, as a whole and into one file.
  (it) =>
    it.compressed === 'yes' && (isOther(it['data file'], 'none') || isOther(it.backing, 'none')),
];

const isOther = (value: string | undefined, from: string) => value !== undefined && value !== from;
const yesNo = (value: boolean) => (value ? 'yes' : 'no');

const shapeValues = (shape: Shape) => ({
  clusters: String(shape.clusterSize),
  refcounts: String(shape.refcountBits),
  subclusters: yesNo(shape.extendedL2),
  'data file': shape.dataFile,
  backing: shape.backing,
  compressed: yesNo(shape.compressed),
});

/** Of an image as it is made. */
export function pairsOfShape(shape: Shape): readonly string[] {
  const { snapshot, bitmaps } = shape;
  return pairsOf({ ...shapeValues(shape), snapshots: yesNo(snapshot), bitmaps });
}

/** Of an image as it is now. */
export function pairsNow(shape: Shape, { snapshots, bitmaps }: Model): readonly string[] {
  const kinds = new Set([...bitmaps.values()].map(({ content }) => content.granularity)).size;
  return pairsOf({
    ...shapeValues(shape),
    snapshots: yesNo(snapshots.length > 0),
    bitmaps: kinds === 0 ? 'none' : kinds === 1 ? 'alike' : 'mixed',
  });
}

function pairsOf(values: Values): readonly string[] {
  return factorPairs().map(([a, b]) => `${a} ${values[a]} × ${b} ${values[b]}`);
}

function factorPairs(): readonly (readonly [Factor, Factor])[] {
  const names = Object.keys(FACTORS) as Factor[];
  return names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const));
}

/** All pairs that there can be. */
export function possiblePairs(): readonly string[] {
  return factorPairs().flatMap(([a, b]) =>
    FACTORS[a].flatMap((x) =>
      FACTORS[b]
        .filter((y) => !EXCLUDED.some((isExcluded) => isExcluded({ [a]: x, [b]: y })))
        .map((y) => `${a} ${x} × ${b} ${y}`),
    ),
  );
}
