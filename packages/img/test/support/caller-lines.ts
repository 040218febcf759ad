import { lines } from './look-lines.ts';

/** How programs call qemu-img, with names of images for theirs: each one's lines, one after the other. */
export const CALLERS: Readonly<Record<string, readonly string[]>> = {
  'oVirt vdsm': lines(`
    info --output json -f qcow2 overlay.qcow2
    info --output json -f qcow2 -U bitmaps.qcow2
    measure --output json -O qcow2 'json:{"file": {"driver": "file", "filename": "overlay.qcow2"}, "driver": "qcow2", "backing": null}'
    measure --output json -O raw 'json:{"file": {"driver": "file", "filename": "a.raw"}, "driver": "raw"}'
    create -f qcow2 -o compat=1.1 -b a.qcow2 -F qcow2 -u new.qcow2 1048576
    create -f raw -o preallocation=falloc new.raw 1048576
    create -f qcow2 -o compat=0.10 -o preallocation=metadata new.qcow2 1048576
    check --output json -f qcow2 a.qcow2
    check --output json -f qcow2 snapshots.qcow2
    convert -t none -T none -f raw -O qcow2 -o compat=1.1 a.raw out.qcow2
    convert -t none -T none -f qcow2 -O qcow2 -o compat=1.1,backing_file=a.qcow2,backing_fmt=qcow2 overlay.qcow2 out.qcow2
    convert -t none -T none -f qcow2 -O qcow2 -o compat=1.1 -c -W --bitmaps bitmaps.qcow2 out.qcow2
    convert -t none -T none -f qcow2 -O raw -o preallocation=falloc a.qcow2 out.raw
    convert -t none -T none -f qcow2 -O qcow2 -n -W a.qcow2 larger.qcow2
    map --output json top.qcow2
    resize -f qcow2 empty.qcow2 2097152
    compare -f qcow2 -F raw -s a.qcow2 a.raw
    bitmap --add --enable a.qcow2 stale -g 65536
    bitmap --add --disable a.qcow2 off -g 65536
    bitmap --add --enable empty.qcow2 stale -g 65536
    bitmap --merge off -F qcow2 -b a.qcow2 a.qcow2 stale
    bitmap --remove a.qcow2 stale
    bitmap --remove a.qcow2 stale
  `),
  'OpenStack nova': lines(`
    info a.qcow2 --force-share --output=json
    info --output=json --force-share a.raw
    convert -t none -O raw -f qcow2 a.qcow2 out.raw
    convert -t writeback -O qcow2 -c -f qcow2 overlay.qcow2 out.qcow2
    create -f qcow2 -o backing_file=a.qcow2,backing_fmt=qcow2,size=2097152 disk.qcow2
    create -f qcow2 -o backing_file=not-there,backing_fmt=qcow2 disk2.qcow2
    resize disk.qcow2 3145728
    create -f raw disk.raw 1048576
  `),
  'OpenStack cinder and glance': lines(`
    info -f qcow2 --output=json --force-share overlay.qcow2
    info --output=json not-there
    convert -O raw -t none -f qcow2 a.qcow2 out.raw
    convert -O qcow2 -c -W -t none -f raw a.raw out.qcow2
    convert -f qcow2 -t none -O raw a.qcow2 out.raw
    create -f qcow2 -o preallocation=metadata disk.qcow2 1M
    resize disk.qcow2 2M
    resize -f raw out.raw 2M
    snapshot -l snapshots.qcow2
  `),
  libvirt: lines(`
    create -f qcow2 -o compat=1.1,lazy_refcounts disk.qcow2 1024K
    create -f qcow2 -b a.qcow2 -o backing_fmt=qcow2,compat=0.10 disk.qcow2 2048K
    create -f qcow2 -o preallocation=metadata,compat=1.1,cluster_size=65536 disk.qcow2 1024K
    create -f qcow2 -o preallocation=falloc,compat=1.1 disk.qcow2 1024K
    convert -f raw -O qcow2 -o compat=1.1,nocow=off a.raw out.qcow2
    convert -f qcow2 -O raw a.qcow2 out.raw
    resize -f qcow2 disk.qcow2 2097152
    resize --shrink -f qcow2 disk.qcow2 1048576
  `),
  'libguestfs and virt-v2v': lines(`
    info --output json -- a.qcow2
    info --output json --backing-chain -- overlay.qcow2
    create -f qcow2 -o backing_file=a.qcow2,backing_fmt=qcow2 disk.qcow2
    create -q -f qcow2 -o compat=1.1,backing_file=a.raw,backing_fmt=raw disk.qcow2
    convert -f qcow2 -O qcow2 -o compat=1.1 overlay.qcow2 out.qcow2
    measure -f qcow2 -O raw --output=json a.qcow2
    measure --output=human -O qcow2 overlay.qcow2
  `),
  Proxmox: lines(`
    info --output=json overlay.qcow2
    info -f qcow2 --output json snapshots.qcow2
    create -o preallocation=metadata -f qcow2 disk.qcow2 1024K
    create -f raw disk.raw 1024K
    create -F qcow2 -b a.qcow2 -f qcow2 disk.qcow2
    convert -n -T none -f raw -O qcow2 a.raw larger.qcow2
    resize -f qcow2 disk.qcow2 2097152
    resize --preallocation=metadata -f qcow2 disk.qcow2 4194304
    resize -f raw disk.raw 2097152
    measure --output=json --size 1048576 -O qcow2
  `),
  'packer, vagrant and quickemu': lines(`
    create -f qcow2 disk.qcow2 1M
    create -f qcow2 -b a.qcow2 -F qcow2 disk.qcow2 2M
    resize -f qcow2 disk.qcow2 3M
    resize disk.qcow2 +1M
    convert -O qcow2 overlay.qcow2 out.qcow2
    convert -c -O qcow2 a.qcow2 out.qcow2
    info disk.qcow2
    check disk.qcow2
  `),
  'KubeVirt CDI': lines(`
    info --output=json a.qcow2
    info --output=json text.txt
    convert -t none -O raw a.qcow2 out.raw -o preallocation=falloc
    create -f raw disk.raw 1048576 -o preallocation=falloc
    resize -f raw disk.raw 2097152
    resize -f raw disk.raw 1048576
    convert -t writeback -O raw a.qcow2 out.raw
  `),
  'lima and colima': lines(`
    info --output=json --force-share a.qcow2
    info --backing-chain --output=json --force-share top.qcow2
    create -f qcow2 -F raw -b a.raw diff.qcow2 2M
    create -f qcow2 diff.qcow2 1048576
    resize -f qcow2 diff.qcow2 3145728
    convert -O raw a.qcow2 out.raw
    convert -f raw -O qcow2 a.raw out.qcow2
  `),
  'diskimage-builder and bootc': lines(`
    convert -c -f raw -O qcow2 a.raw out.qcow2 -o cluster_size=2M
    convert -f raw -O qcow2 -o compat=0.10 a.raw out.qcow2
    convert -c -O qcow2 -o compat=1.1,compression_type=zstd a.raw out.qcow2
    info -U --output=json out.qcow2
  `),
  virtnbdbackup: lines(`
    info -U --output=json overlay.qcow2
    create -f qcow2 disk.qcow2 1048576 -o cluster_size=65536 -o lazy_refcounts=on
    create -f raw disk.raw 1048576
    create -f qcow2 disk.qcow2 1048576 -o data_file=disk.of -o data_file_raw=on
    create -f qcow2 -b a.qcow2 -F qcow2 over.qcow2
    bitmap --add disk.qcow2 virtnbdbackup.0
    info --output=json disk.qcow2
  `),
  'Xen storage manager': lines(`
    info --output=json sub/below.qcow2
    create -f qcow2 -o cluster_size=64k disk.qcow2 1048576
    map --output=json a.qcow2
    check --output=json a.qcow2
    create -f qcow2 -F qcow2 -b a.qcow2 disk.qcow2
  `),
};
