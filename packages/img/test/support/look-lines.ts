/** Lines of a text, without empty ones. */
export function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

const IMAGES = lines(`
  empty.qcow2
  larger.qcow2
  zero.qcow2
  a.qcow2
  small-clusters.qcow2
  v2.qcow2
  bits1.qcow2
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
  sub/below.qcow2
  file-protocol.qcow2
  one-byte.raw
  nothing.raw
  text.txt
  data.qcow2
  data-raw.qcow2
  no-data.qcow2
  sub.qcow2
  prealloc.qcow2
  prealloc-sub.qcow2
  zeroed.qcow2
  large-clusters.qcow2
`);

/** Left by a crash, with counts to be put right by whoever opens it to change it. */
const DIRTY = 'dirty.qcow2';

const each = (...forms: readonly string[]) =>
  [...IMAGES, DIRTY].flatMap((image) => forms.map((form) => `${form} ${image}`));

export const PROGRAM = lines(`
  --foo
  info --object secret a.qcow2
  info --object id=s a.qcow2
  info --object '' a.qcow2
  info --object foo,id=s a.qcow2
  info --object secret,id=s,data=x --object secret,id=s,data=y a.qcow2
  info --object secret,id=s,data=x --object secret,id=t,data=y a.qcow2
  compare --object secret,id=s,data=x --object secret,id=s,data=x a.qcow2 a.raw
  compare --object secret a.qcow2 a.raw
  info --object iothread,id=s a.qcow2
  info --object qom-type=secret,id=s,data=x a.qcow2
  foo
  ''
  info
  info a.qcow2 b.raw
  info not-there
  info not/there
  info a.qcow2/below
  info ''
  info .
  info sub
  info -f
  info a.qcow2 -f
  info --output
  info --output=
  info --output=xml a.qcow2
  info --output xml not-there
  info -z a.qcow2
  info -Uz a.qcow2
  info -zU a.qcow2
  info a.qcow2 -zU
  info a.qcow2 -U -zU
  info --foo a.qcow2
  info --foo=bar a.qcow2
  info --force a.qcow2
  info --force-share a.qcow2
  info --fo a.qcow2
  info --f raw a.raw
  info --form raw a.raw
  info --out json a.raw
  info --b a.qcow2
  info --backing-chain=1 a.qcow2
  info -fraw a.raw
  info -Ufraw a.raw
  info -f raw -f qcow2 a.raw
  info -f raw -- a.raw
  info -- -a
  info -- a.raw -f
  info a.raw --
  info a.raw -- -f
  info - 
  info -f foo a.raw
  info -f '' a.raw
  info foo:a.raw
  info file:a.raw
  info file:
  info ./a:b
  map -f
  map a b
  map --output=foo a.qcow2
  compare
  compare a.qcow2
  compare a.qcow2 b.raw a.raw
  snapshot
  snapshot -lx a.qcow2
  snapshot -f qcow2 -l a.qcow2
  resize
  resize a.qcow2
  resize -q
  resize -q a.qcow2
  resize --shrink
  resize --shrink a.qcow2
  resize a.qcow2 1M 2M
  resize --foo a.qcow2 1M
  resize a.qcow2 1x
  resize a.qcow2 ''
  resize a.qcow2 +
  resize a.qcow2 -
  resize a.qcow2 -x
  resize a.qcow2 0
  resize a.qcow2 8E
  resize a.qcow2 17E
  resize a.qcow2 -1E
  resize a.qcow2 512k
  resize -f foo a.qcow2 512k
  resize -f qcow2 a.raw 512k
  resize --preallocation=foo a.qcow2 2M
  resize --preallocation=full a.qcow2 1M
  resize not-there 1M
  resize gone.qcow2 4M
  bitmap
  bitmap a.qcow2
  bitmap a.qcow2 x
  bitmap a.qcow2 x y
  bitmap --add
  bitmap --add a.qcow2
  bitmap --add a.qcow2 x y
  bitmap --merge
  bitmap --add -q a.qcow2 x
  bitmap --add -U a.qcow2 x
  bitmap --add -z a.qcow2 x
  bitmap --remove=x a.qcow2 y
  bitmap --bogus a.qcow2 y
  bitmap -g 4k --clear a.qcow2 x
  bitmap -g 0 --clear a.qcow2 x
  bitmap -g 4x --add a.qcow2 x
  bitmap -g 8E --add a.qcow2 x
  bitmap -g -1 --add a.qcow2 x
  bitmap -g '' --add a.qcow2 x
  bitmap -F raw --clear a.qcow2 x
  bitmap -F raw --merge y a.qcow2 x
  bitmap -b empty.qcow2 --clear a.qcow2 x
  bitmap --add not-there x
  bitmap --add -f foo a.qcow2 x
  bitmap --add -f qcow2 a.raw x
  bitmap --add foo:x x
  create
  create -f
  create -f qcow2
  create -f foo x 1M
  create x.raw
  create -f qcow2 x.qcow2
  create x.raw 1M 2M
  create x.raw -1
  create x.raw 1x
  create x.raw ''
  create x.raw ' '
  create x.raw 1e3
  create x.raw 1k1
  create x.raw 1kB
  create x.raw .5k
  create x.raw 1.5
  create x.raw 1.5b
  create x.raw 0x
  create x.raw 0x1.8
  create x.raw nan
  create x.raw inf
  create x.raw 8E
  create x.raw 16E
  create x.raw 99999999999999999999
  create -o '' x.raw 1M
  create -o , x.raw 1M
  create -o ,, x.raw 1M
  create -o ,size=1M x.raw 1M
  create -o size=1M, x.raw
  create -o size=1M x.raw 1M
  create -o foo x.raw 1M
  create -o foo=1 x.raw 1M
  create -o nofoo x.raw 1M
  create -o a,, x.raw 1M
  create -o =1 x.raw 1M
  create -o cluster_size=4k x.raw 1M
  create -o size=a x.raw
  create -o size= x.raw
  create -o size=-1 x.raw
  create -o size=99999999999999999999 x.raw
  create -b a.qcow2 x.raw 1M
  create -F raw x.raw 1M
  create -f qcow2 -o cluster_size=abc x.qcow2 1M
  create -f qcow2 -o cluster_size= x.qcow2 1M
  create -f qcow2 -o cluster_size x.qcow2 1M
  create -f qcow2 -o cluster_size=-1 x.qcow2 1M
  create -f qcow2 -o cluster_size=99999999999999999999 x.qcow2 1M
  create -f qcow2 -o cluster_size=4k,, x.qcow2 1M
  create -f qcow2 -o refcount_bits=a x.qcow2 1M
  create -f qcow2 -o refcount_bits=16k x.qcow2 1M
  create -f qcow2 -o refcount_bits= x.qcow2 1M
  create -f qcow2 -o refcount_bits=08 x.qcow2 1M
  create -f qcow2 -o refcount_bits=99999999999999999999 x.qcow2 1M
  create -f qcow2 -o extended_l2=maybe x.qcow2 1M
  create -f qcow2 -o lazy_refcounts=1 x.qcow2 1M
  create -f qcow2 -b a.qcow2 x.qcow2
  create -f qcow2 -b a.raw x.qcow2
  create -f qcow2 -b a.qcow2 -u x.qcow2 1M
  create -f qcow2 -b '' x.qcow2 1M
  create -f qcow2 -b x.qcow2 -F qcow2 x.qcow2 1M
  create -f qcow2 -b not-there -F qcow2 x.qcow2
  create -f qcow2 -b not-there -F qcow2 x.qcow2 1M
  create -f qcow2 -b not-there x.qcow2 1M
  create -f qcow2 -b a.raw -F qcow2 x.qcow2
  create -f qcow2 -b a.qcow2 -F foo x.qcow2
  create -f qcow2 -b a.qcow2 -F '' x.qcow2
  create -f qcow2 -b a.qcow2 -F qcow2 sub/x.qcow2
  create -f qcow2 -b foo:a -F qcow2 x.qcow2
  create -f qcow2 -b gone.qcow2 -F qcow2 x.qcow2
  create -f qcow2 -u -b a.qcow2 -F qcow2 x.qcow2
  create -f qcow2 foo:x 1M
  create -f qcow2 '' 1M
`);

export const INFO = [
  ...each(
    'info',
    'info --output=json',
    'info --backing-chain',
    'info --backing-chain --output json',
  ),
  ...lines(`
    info -U a.qcow2
    info -f raw a.qcow2
    info -f raw --output json a.qcow2
    info -f qcow2 a.raw
    info gone.qcow2
    info --backing-chain gone.qcow2
    info --backing-chain --output=json gone.qcow2
    info circle1.qcow2
    info --backing-chain circle1.qcow2
    info ./sub/below.qcow2
    info ./sub/../a.qcow2
    info file:sub/below.qcow2
  `),
];

export const MAP = [
  ...each('map', 'map --output=json'),
  ...lines(`
    map -s 64k -l 64k a.qcow2
    map -s 64k -l 64k --output json a.qcow2
    map -s 1 -l 5 --output json a.qcow2
    map -s 100000 -l 5 --output json a.qcow2
    map -s 100000 --output json top.qcow2
    map -l 100001 --output json top.qcow2
    map --start-offset=1M --output json a.qcow2
    map --start-offset=2M --output json a.qcow2
    map --start-offset=2M a.qcow2
    map --max-length=0 --output json a.qcow2
    map --max-length=0 a.qcow2
    map -l 1E --output json a.qcow2
    map -s x a.qcow2
    map -l x a.qcow2
    map -s 8E a.qcow2
    map -s -1 a.qcow2
    map -f raw a.raw
    map -f raw -s 5 --output json a.raw
    map -f qcow2 a.raw
    map -U a.qcow2
    map gone.qcow2
    map not-there
  `),
];

export const COMPARE = [
  ...IMAGES.flatMap((image) => [
    `compare ${image} ${image}`,
    `compare ${image} a.raw`,
    `compare b.raw ${image}`,
    `compare ${image} empty.qcow2`,
    `compare larger.qcow2 ${image}`,
    `compare -s ${image} ${image}`,
    `compare -s ${image} larger.qcow2`,
  ]),
  ...lines(`
    compare -s a.raw b.raw
    compare -s empty.qcow2 a.qcow2
    compare -s bits1.qcow2 empty.qcow2
    compare -s a.raw empty.qcow2
    compare -q a.raw b.raw
    compare -q a.raw a.qcow2
    compare -qs empty.qcow2 larger.qcow2
    compare not-there a.raw
    compare a.raw not-there
    compare gone.qcow2 a.raw
    compare -f qcow2 a.raw a.raw
    compare -F qcow2 a.raw a.raw
    compare -f foo a.raw a.raw
    compare -F foo a.raw a.raw
    compare -F raw empty.qcow2 empty.qcow2
    compare -z a.raw a.raw
    compare -f
    compare -T foo a.raw a.raw
    compare -T none a.raw a.qcow2
    compare -T writethrough a.raw b.raw
    compare -U a.raw a.qcow2
    compare -p one-byte.raw nothing.raw
    compare -p -q a.raw b.raw
    compare -p -s a.raw larger.qcow2
  `),
];

export const SNAPSHOT = [
  ...each('snapshot -l'),
  ...IMAGES.map((image) => `snapshot ${image}`),
  ...lines(`
    snapshot -q -l snapshots.qcow2
    snapshot -U -l snapshots.qcow2
    snapshot -l -l snapshots.qcow2
    snapshot -l -c x snapshots.qcow2
    snapshot -l not-there
    snapshot -l a b
    snapshot -c
  `),
];
