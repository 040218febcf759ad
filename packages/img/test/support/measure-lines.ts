import { lines } from './look-lines.ts';

const SOURCES = lines(`
  empty.qcow2
  larger.qcow2
  zero.qcow2
  a.qcow2
  small-clusters.qcow2
  v2.qcow2
  bitmaps.qcow2
  snapshots.qcow2
  compressed.qcow2
  overlay.qcow2
  top.qcow2
  odd.raw
  a.raw
  b.raw
  on-raw.qcow2
  one-byte.raw
  nothing.raw
`);

export const MEASURE = [
  ...SOURCES.flatMap((source) => [
    `measure ${source}`,
    `measure -O qcow2 ${source}`,
    `measure -O qcow2 --output json ${source}`,
    `measure -O qcow2 -o cluster_size=4k,refcount_bits=1 ${source}`,
    `measure -O qcow2 -o cluster_size=2M ${source}`,
    `measure -O qcow2 -o compat=0.10 ${source}`,
  ]),
  ...['0', '1000', '1M', '1G', '16T', '1023T'].flatMap((size) => [
    `measure -O qcow2 -o backing_file=a.qcow2 --size ${size}`,
    `measure --size ${size}`,
    `measure -O qcow2 --size ${size}`,
    `measure -O qcow2 -o refcount_bits=1 --size ${size}`,
    `measure -O qcow2 -o refcount_bits=64,cluster_size=2M --size ${size}`,
    `measure -O qcow2 -o extended_l2=on --size ${size}`,
    `measure -O qcow2 -o preallocation=full --size ${size}`,
  ]),
  ...lines(`
    measure
    measure a b
    measure --size 1G a.qcow2
    measure --size 1x
    measure --size -1
    measure --size 8E
    measure --size 0x10 -O qcow2
    measure not-there
    measure gone.qcow2
    measure -f raw --size 5
    measure -f qcow2 a.raw
    measure -f foo a.raw
    measure -O foo a.raw
    measure --output foo a.qcow2
    measure --output json a.qcow2
    measure -U a.qcow2
    measure -O raw -o foo --size 1000
    measure -O qcow2 -o foo=1 --size 1T
    measure -O qcow2 -o cluster_size=x --size 1T
    measure -O qcow2 -o cluster_size=512 --size 1T
    measure -O qcow2 --size 100000T
    measure -O qcow2 -o size=5M --size 1M
    measure -O qcow2 -o data_file=x --size 1T
    measure -O qcow2 -o backing_file=a.qcow2,backing_fmt=qcow2 a.qcow2
    measure -O qcow2 -o preallocation=full a.qcow2
    measure -O qcow2 -o preallocation=metadata a.qcow2
    measure -O qcow2 -o preallocation=falloc a.qcow2
    measure -O qcow2 -o preallocation=foo a.qcow2
    measure -O qcow2 -o cluster_size=3 a.qcow2
    measure -O qcow2 -o compat=2 a.qcow2
    measure -O qcow2 -o extended_l2=on a.qcow2
    measure -O qcow2 -o extended_l2=on,cluster_size=4k a.qcow2
    measure -O qcow2 -o lazy_refcounts=on,compat=0.10 a.qcow2
  `),
];
