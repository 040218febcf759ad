/** QEMU's permissions (include/block/block-common.h): byte 100 + n is used, 200 + n is not shared. */
const CONSISTENT_READ = 0;
const WRITE = 1;
const RESIZE = 3;

/** What neither a reader nor a writer lets others do meanwhile. */
const UNSHARED = [WRITE, RESIZE];

/** Bytes of a file that are locked by who uses it, and those that nobody else may have locked. */
export interface LockBytes {
  readonly own: readonly number[];
  readonly others: readonly number[];
}

const bytesOf = (uses: readonly number[]): LockBytes => ({
  own: [...uses.map((bit) => 100 + bit), ...UNSHARED.map((bit) => 200 + bit)],
  others: [...uses.map((bit) => 200 + bit), ...UNSHARED.map((bit) => 100 + bit)],
});

export const READER_LOCKS: LockBytes = bytesOf([CONSISTENT_READ]);
export const WRITER_LOCKS: LockBytes = bytesOf([CONSISTENT_READ, WRITE, RESIZE]);

/** `struct flock` of 64-bit Linux (fcntl_locking(2)), as perl packs it. */
export const PERL_FLOCK = 's s x4 q q l x4';

/** statfs(2), NFS_SUPER_MAGIC: there a flock is a lock on all bytes, our own ones too. */
export const NFS = 0x6969;
