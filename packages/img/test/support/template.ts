import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Images of many kinds, as QEMU makes them; small, for each is copied. */
export function makeImages(dir: string): void {
  const img = (...words: readonly string[]) =>
    execFileSync('qemu-img', words, { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] });
  const create = (name: string, size: string, ...options: readonly string[]) =>
    img('create', '-q', '-f', 'qcow2', ...options, name, size);
  const io = (name: string, ...commands: readonly string[]) =>
    execFileSync('qemu-io', [...commands.flatMap((command) => ['-c', command]), name], {
      cwd: dir,
      stdio: 'ignore',
    });

  create('empty.qcow2', '1M');
  create('larger.qcow2', '2M');
  create('zero.qcow2', '0');
  create('a.qcow2', '1M');
  io('a.qcow2', 'write -P 1 64k 128k', 'write -z 256k 64k');
  create('small-clusters.qcow2', '1M', '-o', 'cluster_size=4k');
  io('small-clusters.qcow2', 'write -P 7 12k 20k', 'write -P 8 512k 100k', 'write -z 16k 4k');
  create('v2.qcow2', '1M', '-o', 'compat=0.10');
  io('v2.qcow2', 'write -P 5 0 64k');
  create('bits1.qcow2', '1M', '-o', 'refcount_bits=1,lazy_refcounts=on');
  create('bitmaps.qcow2', '1M');
  img('bitmap', '--add', 'bitmaps.qcow2', 'one');
  img('bitmap', '--add', '-g', '4k', 'bitmaps.qcow2', 'two');
  io('bitmaps.qcow2', 'write -P 3 100k 9k', 'write -P 3 900k 64k');
  img('bitmap', '--add', '--disable', '-g', '512', 'bitmaps.qcow2', 'three');
  img('bitmap', '--disable', 'bitmaps.qcow2', 'two');
  create('snapshots.qcow2', '1M');
  io('snapshots.qcow2', 'write -P 3 100k 9k');
  img('snapshot', '-c', 'first', 'snapshots.qcow2');
  img('snapshot', '-c', 'a second one, with a long name', 'snapshots.qcow2');
  img('snapshot', '-c', '', 'snapshots.qcow2');
  img('convert', '-c', '-O', 'qcow2', 'a.qcow2', 'compressed.qcow2');
  img('convert', '-c', '-O', 'qcow2', '-o', 'compression_type=zstd', 'a.qcow2', 'zstd.qcow2');
  create('overlay.qcow2', '2M', '-b', 'a.qcow2', '-F', 'qcow2');
  io('overlay.qcow2', 'write -P 2 128k 64k', 'write -P 9 1536k 4k');
  create('top.qcow2', '2M', '-b', 'overlay.qcow2', '-F', 'qcow2', '-o', 'cluster_size=4k');
  io('top.qcow2', 'write -P 4 130k 3k', 'write -z 64k 16k');
  writeFileSync(join(dir, 'odd.raw'), new Uint8Array(1000));
  create('on-odd.qcow2', '1M', '-b', 'odd.raw', '-F', 'raw');
  img('create', '-q', 'a.raw', '1M');
  execFileSync('qemu-io', ['-f', 'raw', '-c', 'write -P 1 64k 128k', join(dir, 'a.raw')]);
  img('create', '-q', 'b.raw', '1M');
  execFileSync('qemu-io', [
    '-f',
    'raw',
    '-c',
    'write -P 1 64k 128k',
    '-c',
    'write -P 3 600000 1',
    join(dir, 'b.raw'),
  ]);
  create('on-raw.qcow2', '1M', '-b', 'a.raw', '-F', 'raw');
  io('on-raw.qcow2', 'write -P 6 512k 64k');
  create('gone.qcow2', '1M', '-u', '-b', 'not-there', '-F', 'qcow2');
  create('circle1.qcow2', '1M', '-u', '-b', 'circle2.qcow2', '-F', 'qcow2');
  create('circle2.qcow2', '1M', '-u', '-b', 'circle1.qcow2', '-F', 'qcow2');
  create('no-format.qcow2', '1M', '-b', 'a.qcow2', '-F', 'qcow2');
  mkdirSync(join(dir, 'sub'));
  create('sub/below.qcow2', '1M', '-b', '../a.qcow2', '-F', 'qcow2');
  create('file-protocol.qcow2', '1M', '-b', 'file:a.qcow2', '-F', 'qcow2');
  writeFileSync(join(dir, 'one-byte.raw'), 'x');
  writeFileSync(join(dir, 'nothing.raw'), '');
  create('data.qcow2', '1M', '-o', 'data_file=data.of');
  io('data.qcow2', 'write -P 1 100k 130k', 'write -z 640k 64k');
  img('bitmap', '--add', 'data.qcow2', 'one');
  io('data.qcow2', 'write -P 3 512k 64k', 'discard 128k 64k');
  create('data-raw.qcow2', '1M', '-o', 'data_file=data-raw.of,data_file_raw=on');
  io('data-raw.qcow2', 'write -P 1 64k 128k', 'write -z 256k 64k', 'write -z -u 128k 64k');
  create('no-data.qcow2', '1M', '-o', 'data_file=no-data.of');
  rmSync(join(dir, 'no-data.of'));
  create('sub.qcow2', '2M', '-o', 'extended_l2=on', '-b', 'a.qcow2', '-F', 'qcow2');
  io(
    'sub.qcow2',
    'write -P 1 2k 2k',
    'write -P 2 70k 9k',
    'write -z 100k 12k',
    'write -P 4 1M 64k',
  );
  io('sub.qcow2', 'discard 1M 32k', 'write -z 1216k 8k', 'write -z -u 64k 6k');
  create('prealloc.qcow2', '1M', '-o', 'preallocation=metadata');
  io('prealloc.qcow2', 'write -P 1 64k 64k', 'write -z 320k 64k', 'discard 512k 64k');
  create('prealloc-sub.qcow2', '1M', '-o', 'preallocation=metadata,extended_l2=on');
  create('zeroed.qcow2', '1M', '-b', 'a.raw', '-F', 'raw');
  io(
    'zeroed.qcow2',
    'write -P 1 0 256k',
    'write -z 64k 64k',
    'write -z -u 128k 64k',
    'discard 0 64k',
  );
  io('zeroed.qcow2', 'write -z 512k 64k', 'write -z -u 640k 64k');
  create('large-clusters.qcow2', '5M', '-o', 'cluster_size=2M,refcount_bits=64');
  io('large-clusters.qcow2', 'write -P 1 1M 2M');
  create('dirty.qcow2', '1M', '-o', 'lazy_refcounts=on');
  img('bitmap', '--add', '--disable', 'dirty.qcow2', 'rests');
  const crash = "qemu-io -c 'write -P 5 64k 300k' -c flush -c abort dirty.qcow2 2>&1; true";
  execFileSync('sh', ['-c', crash], { cwd: dir, stdio: 'ignore' });
  writeFileSync(join(dir, 'text.txt'), 'KDM, but not quite\n');
}
