import { PERL_FLOCK } from './lock-bytes.ts';

/** Exit codes of the lock script. */
export const LOCK_TAKEN = 0;
export const LOCK_CONFLICT = 10;

/**
 * Takes read locks on the bytes of the first argument, then looks for locks of others on those of
 * the second. OFD locks (fcntl 36 and 37, fcntl_locking(2)) belong to the open file, not to the
 * process that took them: they stay when perl ends. The third argument is the mode of a flock
 * (flock(2)), which those have to respect who cannot take the others; 0: none.
 */
export const LOCK_SCRIPT = `
exit 20 unless length(pack('p', '')) == 8;
my $flock = '${PERL_FLOCK}';
open(my $file, '+<&=', 3) or exit 21;
if ($ARGV[2] && !flock($file, $ARGV[2] + 0)) {
  exit ${LOCK_CONFLICT} if $! == 11;
}
for (split /,/, $ARGV[0]) {
  next if fcntl($file, 37, pack($flock, 0, 0, $_, 1, 0));
  exit($! == 11 || $! == 13 ? ${LOCK_CONFLICT} : 22);
}
for (split /,/, $ARGV[1]) {
  my $found = pack($flock, 1, 0, $_, 1, 0);
  fcntl($file, 36, $found) or exit 23;
  exit ${LOCK_CONFLICT} if (unpack $flock, $found)[0] != 2;
}
exit ${LOCK_TAKEN};
`;
