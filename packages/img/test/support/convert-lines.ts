import { lines } from './look-lines.ts';

const SOURCES = lines(`
  empty.qcow2
  zero.qcow2
  a.qcow2
  small-clusters.qcow2
  v2.qcow2
  bitmaps.qcow2
  snapshots.qcow2
  compressed.qcow2
  zstd.qcow2
  overlay.qcow2
  top.qcow2
  odd.raw
  on-odd.qcow2
  a.raw
  b.raw
  on-raw.qcow2
  one-byte.raw
  nothing.raw
  data.qcow2
  data-raw.qcow2
  sub.qcow2
  prealloc.qcow2
  zeroed.qcow2
  large-clusters.qcow2
  dirty.qcow2
`);

export const CONVERT = [
  ...SOURCES.flatMap((source) => [
    `convert ${source} out.raw`,
    `convert -O qcow2 ${source} out.qcow2`,
    `convert -c -O qcow2 ${source} out.qcow2`,
    `convert -O qcow2 -o cluster_size=4k ${source} out.qcow2`,
    `convert -n -O qcow2 ${source} larger.qcow2`,
  ]),
  ...lines(`
    convert
    convert a.qcow2
    convert -O foo a.qcow2 out
    convert -f foo a.qcow2 out
    convert -f qcow2 a.raw out
    convert not-there out
    convert no-data.qcow2 out
    convert -n -O qcow2 a.qcow2 data.qcow2
    convert -n -O qcow2 a.qcow2 data-raw.qcow2
    convert gone.qcow2 out
    convert -O qcow2 a.qcow2 not/there
    convert -O qcow2 -B a.qcow2 a.qcow2 a.qcow2 out.qcow2
    convert -O qcow2 -B a.qcow2 -F qcow2 a.qcow2 a.qcow2 out.qcow2
    convert -O qcow2 a.qcow2 a.qcow2
    convert a.qcow2 a.qcow2
    convert -n a.qcow2 a.qcow2
    convert -z a.qcow2 out
    convert -O raw a.qcow2 out.raw
    convert -f raw a.qcow2 out.raw
    convert -O qcow2 --bitmaps bitmaps.qcow2 out.qcow2
    convert -O qcow2 --bitmaps -o cluster_size=4k bitmaps.qcow2 out.qcow2
    convert -O qcow2 --bitmaps --skip-broken-bitmaps bitmaps.qcow2 out.qcow2
    convert -O qcow2 --bitmaps a.qcow2 out.qcow2
    convert -O qcow2 --bitmaps a.raw out.qcow2
    convert -O raw --bitmaps a.raw out.raw
    convert -O qcow2 --bitmaps v2.qcow2 out.qcow2
    convert -O qcow2 --skip-broken-bitmaps bitmaps.qcow2 out.qcow2
    convert -O qcow2 --bitmaps a.qcow2 b.raw out.qcow2
    convert -O qcow2 --bitmaps -n bitmaps.qcow2 empty.qcow2
    convert -O qcow2 --bitmaps -n bitmaps.qcow2 v2.qcow2
    convert -O qcow2 a.qcow2 b.raw out.qcow2
    convert a.qcow2 odd.raw b.raw out.raw
    convert -c -O qcow2 a.qcow2 b.raw out.qcow2
    convert -c a.qcow2 out.raw
    convert -c -O qcow2 odd.raw b.raw one-byte.raw on-odd.qcow2 a.qcow2 out.qcow2
    convert -c -S 0 -O qcow2 -o cluster_size=4k odd.raw nothing.raw b.raw out.qcow2
    convert -n -c -O qcow2 odd.raw larger.qcow2
    convert -n -c -O qcow2 one-byte.raw larger.qcow2
    convert -n -c -O qcow2 nothing.raw larger.qcow2
    convert --salvage a.qcow2 out.raw
    convert --salvage -C a.qcow2 out.raw
    convert --salvage no-data.qcow2 out.raw
    convert --image-opts driver=qcow2,file.filename=a.qcow2 out.raw
    convert -c -O qcow2 -o compression_type=zstd a.qcow2 out.qcow2
    convert -c -O qcow2 -o compat=0.10 a.qcow2 out.qcow2
    convert -c -O qcow2 -o cluster_size=2M b.raw out.qcow2
    convert -c -O qcow2 -o cluster_size=4k b.raw out.qcow2
    convert -c -W -O qcow2 b.raw out.qcow2
    convert -c -O qcow2 -o preallocation=metadata a.qcow2 out.qcow2
    convert -S 0 -O qcow2 a.qcow2 out.qcow2
    convert -S 0 a.qcow2 out.raw
    convert -S 512 a.qcow2 out.raw
    convert -S 1k a.qcow2 out.raw
    convert -S 64k top.qcow2 out.raw
    convert -S 16M b.raw out.raw
    convert -S 3 a.qcow2 out.raw
    convert -S x a.qcow2 out.raw
    convert -S -1 a.qcow2 out.raw
    convert -S 3000000000 a.qcow2 out.raw
    convert -n a.qcow2 nosuch.raw
    convert -n a.qcow2 b.raw
    convert -n -O qcow2 overlay.qcow2 v2.qcow2
    convert -n -O qcow2 a.qcow2 v2.qcow2
    convert -n -O qcow2 a.qcow2 small-clusters.qcow2
    convert -n -o cluster_size=4k -O qcow2 a.qcow2 v2.qcow2
    convert -n --target-is-zero a.qcow2 b.raw
    convert --target-is-zero a.qcow2 b.raw
    convert -q -p a.qcow2 out.raw
    convert -m 0 a.qcow2 out.raw
    convert -m 17 a.qcow2 out.raw
    convert -m x a.qcow2 out.raw
    convert -m 4 -W a.qcow2 out.raw
    convert -B a.qcow2 -O qcow2 overlay.qcow2 out.qcow2
    convert -B a.qcow2 -F qcow2 -O qcow2 overlay.qcow2 out.qcow2
    convert -B overlay.qcow2 -F qcow2 -O qcow2 top.qcow2 out.qcow2
    convert -B overlay.qcow2 -F qcow2 -O qcow2 -o cluster_size=4k top.qcow2 out.qcow2
    convert -c -B a.qcow2 -F qcow2 -O qcow2 overlay.qcow2 out.qcow2
    convert -c -B overlay.qcow2 -F qcow2 -O qcow2 -o cluster_size=4k top.qcow2 out.qcow2
    convert -o backing_file=a.qcow2,backing_fmt=qcow2 -O qcow2 overlay.qcow2 out.qcow2
    convert -B a.qcow2 -O raw overlay.qcow2 out.raw
    convert -F qcow2 -O raw overlay.qcow2 out.raw
    convert -F qcow2 -O qcow2 overlay.qcow2 fresh2.qcow2
    convert -T foo a.qcow2 out.raw
    convert -t none -T none a.qcow2 out.raw
    convert -C a.qcow2 out.raw
    convert -C -S 4k a.qcow2 out.raw
    convert -c -C -O qcow2 a.qcow2 out.qcow2
    convert -U a.qcow2 out.raw
    convert -O qcow2 -o size=5M a.qcow2 out.qcow2
    convert -O qcow2 -o foo a.qcow2 fresh3.qcow2
    convert -O qcow2 -o cluster_size=3 a.qcow2 fresh4.qcow2
    convert -O qcow2 -o compat=0.10 a.qcow2 out.qcow2
    convert -O qcow2 -o extended_l2=on a.qcow2 out.qcow2
    convert -e -O qcow2 a.qcow2 out.qcow2
    convert -o '' -O qcow2 a.qcow2 out.qcow2
    convert -O qcow2 file:a.qcow2 file:out.qcow2
    convert foo:a out.raw
  `),
];
