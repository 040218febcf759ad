import { lines } from './look-lines.ts';

export const CREATE = lines(`
  create new.raw 1M
  create new.raw 1000
  create -f raw new.raw 1.5k
  create new.raw 0
  create new.raw 0x400
  create new.raw 0x4k
  create new.raw +5
  create new.raw 1.
  create new.raw ' 1k'
  create new.raw 1B
  create new.raw 0.5k
  create new.raw 08
  create -q new.raw 1K
  create -o size=64k new.raw
  create -o preallocation=off,nocow=on,extent_size_hint=1M new.raw 64k
  create -o preallocation=full new.raw 64k
  create -o preallocation=falloc new.raw 64k
  create -o preallocation=foo new.raw 64k
  create -f raw -u new.raw 64k
  create file:colon.raw 64k
  create -f qcow2 new.qcow2 1M
  create -f qcow2 new.qcow2 0
  create -f qcow2 new.qcow2 1000
  create -f qcow2 new.qcow2 1G
  create -f qcow2 new.qcow2 2T
  create -f qcow2 -q new.qcow2 1M
  create -qf qcow2 new.qcow2 2M
  create -fqcow2 -ocluster_size=4k,refcount_bits=1 new.qcow2 1M
  create -f qcow2 -o cluster_size=4k -o refcount_bits=2 new.qcow2 1M
  create -f qcow2 -o cluster_size=512 new.qcow2 1M
  create -f qcow2 -o cluster_size=1k,cluster_size=2M new.qcow2 1M
  create -f qcow2 -o cluster_size=2048k new.qcow2 1M
  create -f qcow2 -o refcount_bits=4 new.qcow2 1M
  create -f qcow2 -o refcount_bits=8 new.qcow2 1M
  create -f qcow2 -o refcount_bits=0x20 new.qcow2 1M
  create -f qcow2 -o refcount_bits=64 new.qcow2 1M
  create -f qcow2 -o refcount_bits=010 new.qcow2 1M
  create -f qcow2 -o compat=0.10 new.qcow2 1M
  create -f qcow2 -o compat=v2 new.qcow2 1M
  create -f qcow2 -o compat=1.1 new.qcow2 1M
  create -f qcow2 -o compat=v3 new.qcow2 1M
  create -f qcow2 -o size=2M new.qcow2
  create -f qcow2 -o size=1M,size=3M new.qcow2
  create -f qcow2 -o nolazy_refcounts new.qcow2 1M
  create -f qcow2 -o lazy_refcounts=no new.qcow2 1M
  create -f qcow2 -o nocow=off,extent_size_hint=1M,preallocation=off,encryption=off new.qcow2 1M
  create -f qcow2 -o lazy_refcounts=on new.qcow2 1M
  create -f qcow2 -o lazy_refcounts new.qcow2 1M
  create -f qcow2 -o extended_l2=on new.qcow2 1M
  create -f qcow2 -o extended_l2=on,cluster_size=16k new.qcow2 1M
  create -f qcow2 -o compression_type=zstd new.qcow2 1M
  create -f qcow2 -o preallocation=metadata new.qcow2 1M
  create -f qcow2 -o preallocation=falloc new.qcow2 1M
  create -f qcow2 -o preallocation=full new.qcow2 1M
  create -f qcow2 -o preallocation=full,compat=0.10 new.qcow2 1M
  create -f qcow2 -o data_file=data.raw new.qcow2 1M
  create -f qcow2 -o data_file=data.raw,data_file_raw=on new.qcow2 1M
  create -f qcow2 -o data_file=data.raw,preallocation=metadata new.qcow2 1M
  create -f qcow2 -b a.qcow2 -F qcow2 -o extended_l2=on,preallocation=metadata new.qcow2
  create -f qcow2 -b a.qcow2 -F qcow2 new.qcow2
  create -f qcow2 -b a.qcow2 -F qcow2 new.qcow2 2M
  create -f qcow2 -b a.qcow2 -F qcow2 new.qcow2 1.5M
  create -f qcow2 -b a.raw -F raw new.qcow2
  create -f qcow2 -b odd.raw -F raw new.qcow2
  create -f qcow2 -b a.qcow2 -o backing_fmt=qcow2 new.qcow2
  create -f qcow2 -o backing_file=a.qcow2,backing_fmt=qcow2 new.qcow2
  create -f qcow2 -b a.qcow2 -o backing_file=b.raw,backing_fmt=qcow2 new.qcow2
  create -f qcow2 -b a.raw -b a.qcow2 -F raw -F qcow2 new.qcow2
  create -f qcow2 -b a.raw -F raw -o cluster_size=512 new.qcow2
  create -f qcow2 -b a.raw -F raw -o compat=0.10 new.qcow2
  create -f qcow2 -u -b not-there -F qcow2 new.qcow2 1M
  create -f qcow2 -u -b a,b -F raw new.qcow2 1M
  create -f qcow2 -u -o backing_file=a,,b,backing_fmt=raw new.qcow2 1M
  create -f qcow2 -b file:a.qcow2 -F qcow2 new.qcow2
  create -f qcow2 -b ../a.qcow2 -F qcow2 sub/new.qcow2
  create -f qcow2 not/there.qcow2 1M
  create -f qcow2 /proc/x 1M
  create -f qcow2 . 1M
  create -f qcow2 fresh1.qcow2 1T -o cluster_size=512
  create -f qcow2 fresh2.qcow2 100000000G
  create -f qcow2 fresh3.qcow2 2049T
  create -f qcow2 fresh4.qcow2 64P
  create -f qcow2 -o size=9E fresh5.qcow2
  create -f qcow2 -o cluster_size=3 fresh.qcow2 1M
  create -f qcow2 -o cluster_size=0 fresh.qcow2 1M
  create -f qcow2 -o cluster_size=4M fresh.qcow2 1M
  create -f qcow2 -o cluster_size=65537 fresh.qcow2 1M
  create -f qcow2 -o cluster_size=1.5k fresh.qcow2 1M
  create -f qcow2 -o compat=2 fresh.qcow2 1M
  create -f qcow2 -o compat= fresh.qcow2 1M
  create -f qcow2 -o compat=1.1,,,lazy_refcounts=on fresh.qcow2 1M
  create -f qcow2 -o compat=0.10,lazy_refcounts=on fresh.qcow2 1M
  create -f qcow2 -o compat=0.10,refcount_bits=8 fresh.qcow2 1M
  create -f qcow2 -o compat=0.10,extended_l2=on fresh.qcow2 1M
  create -f qcow2 -o compat=0.10,compression_type=zstd fresh.qcow2 1M
  create -f qcow2 -o refcount_bits=3 fresh.qcow2 1M
  create -f qcow2 -o refcount_bits=0 fresh.qcow2 1M
  create -f qcow2 -o refcount_bits=-1 fresh.qcow2 1M
  create -f qcow2 -o refcount_bits=128 fresh.qcow2 1M
  create -f qcow2 -o extended_l2=on,cluster_size=4k fresh.qcow2 1M
  create -f qcow2 -o preallocation=foo fresh.qcow2 1M
  create -f qcow2 -o compression_type=foo fresh.qcow2 1M
  create -f qcow2 -o data_file_raw=on fresh.qcow2 1M
  create -f qcow2 -b a.qcow2 -F qcow2 -o preallocation=metadata fresh.qcow2
  create -f qcow2 -F qcow2 fresh.qcow2 1M
  create -f qcow2 -u -b a.qcow2 -F foo fresh.qcow2 1M
  create -f qcow2 -o backing_fmt= fresh.qcow2 1M
  create -f qcow2 -o size=2M fresh.qcow2 1M
`);

export const BITMAP = lines(`
  bitmap --add a.qcow2 x
  bitmap --add a.qcow2 x
  bitmap --remove a.qcow2 y
  bitmap --clear a.qcow2 y
  bitmap --enable a.qcow2 y
  bitmap --disable a.qcow2 y
  bitmap --merge y a.qcow2 x
  bitmap --merge x a.qcow2 y
  bitmap --add -g 3 a.qcow2 z
  bitmap --add -g 256 a.qcow2 z
  bitmap --add -g 4G a.qcow2 z
  bitmap --add -g 1E a.qcow2 z
  bitmap --add -g 0 a.qcow2 z
  bitmap --add -g 512 a.qcow2 fine
  bitmap --add -g 2G a.qcow2 coarse
  bitmap --add --granularity 8k a.qcow2 long-option
  bitmap --add -f qcow2 a.qcow2 ''
  bitmap --add --disable a.qcow2 off
  bitmap --add --disable --enable a.qcow2 on
  bitmap --disable a.qcow2 x
  bitmap --disable a.qcow2 x
  bitmap --enable a.qcow2 x
  bitmap --ad a.qcow2 short
  bitmap --e a.qcow2 short
  bitmap --dis a.qcow2 short
  bitmap --m short a.qcow2 short
  bitmap --r a.qcow2 short
  bitmap --c a.qcow2 x
  bitmap --remove --add --disable a.qcow2 x
  bitmap --remove --remove a.qcow2 x
  bitmap --add --add a.qcow2 twice
  bitmap --add --merge nosuch a.qcow2 half
  bitmap --add --clear --enable a.qcow2 many
  bitmap --disable --enable --clear --merge many a.qcow2 many
  bitmap --add a.qcow2 ünïcode
  bitmap --add a.qcow2 'with blanks'
  bitmap --remove a.qcow2 'with blanks'
  bitmap --add a.qcow2 ${'n'.repeat(1023)}
  bitmap --add a.qcow2 ${'n'.repeat(1024)}
  bitmap --add v2.qcow2 x
  bitmap --remove v2.qcow2 x
  bitmap --add a.raw x
  bitmap --add -f raw a.raw x
  bitmap --remove -f raw a.raw x
  bitmap --clear bitmaps.qcow2 one
  bitmap --merge two bitmaps.qcow2 one
  bitmap --merge one bitmaps.qcow2 three
  bitmap --merge two --merge three bitmaps.qcow2 one
  bitmap --disable --merge two bitmaps.qcow2 three
  bitmap --add --merge one --merge three --disable bitmaps.qcow2 sum
  bitmap --remove --add --merge one bitmaps.qcow2 sum
  bitmap --clear --merge sum bitmaps.qcow2 sum
  bitmap --add -g 64k --merge two -b bitmaps.qcow2 a.qcow2 copied
  bitmap --merge two -b bitmaps.qcow2 -F qcow2 a.qcow2 z
  bitmap --merge two --source-file bitmaps.qcow2 --source-format qcow2 a.qcow2 fine
  bitmap --merge two --clear -b bitmaps.qcow2 -F qcow2 a.qcow2 z
  bitmap --merge z -b bitmaps.qcow2 a.qcow2 z
  bitmap --merge two -b bitmaps.qcow2 -F raw a.qcow2 z
  bitmap --merge two -b bitmaps.qcow2 -F foo a.qcow2 z
  bitmap --merge two -b not-there a.qcow2 z
  bitmap --merge two -b not-there -F qcow2 a.qcow2 z
  bitmap --add larger.qcow2 large
  bitmap --merge large -b larger.qcow2 a.qcow2 z
  bitmap --add overlay.qcow2 o
  bitmap --add top.qcow2 t
  bitmap --add gone.qcow2 g
  bitmap --add snapshots.qcow2 s
  bitmap --add small-clusters.qcow2 s
  bitmap --add -g 512 small-clusters.qcow2 s2
  bitmap --add bits1.qcow2 b
  bitmap --add compressed.qcow2 c
  bitmap --add on-raw.qcow2 c
  bitmap --remove bitmaps.qcow2 one
  bitmap --remove bitmaps.qcow2 two
  bitmap --remove bitmaps.qcow2 three
  bitmap --remove bitmaps.qcow2 sum
  bitmap --remove bitmaps.qcow2 sum
  create -q -f qcow2 huge.qcow2 4T
  bitmap --add -g 512 huge.qcow2 x
  bitmap --add data.qcow2 x
  bitmap --merge one data.qcow2 x
  bitmap --remove data.qcow2 one
  bitmap --add data-raw.qcow2 x
  bitmap --add no-data.qcow2 x
  bitmap --add sub.qcow2 x
  bitmap --add huge.qcow2 x
`);

export const RESIZE = lines(`
  resize a.qcow2 2M
  resize a.qcow2 +1M
  resize a.qcow2 -1M
  resize --shrink a.qcow2 -1M
  resize a.qcow2 2097152
  resize a.qcow2 2M
  resize a.qcow2 +0
  resize -q a.qcow2 3M
  resize a.qcow2 0
  resize --shrink a.qcow2 0
  resize --shrink a.qcow2 -5M
  resize --shrink a.qcow2 -- -5M
  resize a.qcow2 3000000
  resize a.qcow2 3145729
  resize a.qcow2 3.1M
  resize a.qcow2 1G
  resize --shrink a.qcow2 64k
  resize --shrink a.qcow2 512
  resize -f qcow2 --shrink --shrink a.qcow2 +1M
  resize a.qcow2 7E
  resize a.raw 2M
  resize -f raw a.raw 2M
  resize -f raw a.raw 3M
  resize -q -f raw a.raw +1M
  resize -f raw a.raw 3000
  resize --shrink -f raw a.raw 3000
  resize -f raw a.raw +1
  resize -f raw a.raw 1048577
  resize -f raw --preallocation=full a.raw 2M
  resize -f raw --preallocation=falloc a.raw 3M
  resize -f raw --preallocation=metadata a.raw 4M
  resize -f raw nothing.raw 1M
  resize -f raw one-byte.raw 1k
  resize small-clusters.qcow2 3M
  resize --shrink small-clusters.qcow2 20k
  resize overlay.qcow2 4M
  resize top.qcow2 4M
  resize on-odd.qcow2 2M
  resize on-raw.qcow2 3M
  resize --shrink on-raw.qcow2 600k
  resize v2.qcow2 2M
  resize zero.qcow2 1M
  resize compressed.qcow2 2M
  resize --shrink compressed.qcow2 100k
  resize bits1.qcow2 8M
  resize --shrink data.qcow2 512k
  resize --shrink data-raw.qcow2 512k
  resize no-data.qcow2 2M
  resize sub.qcow2 3M
  resize prealloc.qcow2 2M
  resize gone.qcow2 4M
  resize circle1.qcow2 4M
  resize . 4M
  resize --preallocation=metadata small-clusters.qcow2 4M
  resize --preallocation=falloc small-clusters.qcow2 5M
  resize --preallocation=full small-clusters.qcow2 +300k
  resize --preallocation=metadata bits1.qcow2 9M
  resize --preallocation=falloc top.qcow2 5M
  resize --preallocation=full on-odd.qcow2 +1M
  resize --preallocation=metadata v2.qcow2 3M
  resize --preallocation=full snapshots.qcow2 2M
  resize --preallocation=falloc compressed.qcow2 3M
  resize --preallocation=metadata sub.qcow2 5M
  resize --preallocation=full data-raw.qcow2 2M
  resize --preallocation=falloc data-raw.qcow2 3M
  resize --shrink bitmaps.qcow2 512k
`);

/** Where qemu-img makes, empties or takes away the target before it refuses. */
export const REFUSED = lines(`
  create a.raw 1E
  create a.raw 7.5E
  create -o preallocation=metadata a.raw 64k
  create -o preallocation=foo a.raw 64k
  create -f qcow2 -o cluster_size=3 a.qcow2 1M
  create -f qcow2 -o compat=2 a.qcow2 1M
  create -f qcow2 a.qcow2 64P
  create -f qcow2 -F qcow2 a.qcow2 1M
  create -f qcow2 -o refcount_bits=3 a.qcow2 1M
  create -f qcow2 -o compat=0.10,data_file=data.raw fresh.qcow2 1M
  create -f qcow2 -o data_file=data.raw,data_file_raw=on -b a.raw -F raw fresh.qcow2 1M
  convert -O raw --bitmaps bitmaps.qcow2 a.raw
  convert -O qcow2 --bitmaps -o compat=0.10 bitmaps.qcow2 a.qcow2
  convert -t foo a.qcow2 a.raw
  convert -O qcow2 -o cluster_size=3 a.raw a.qcow2
`);
