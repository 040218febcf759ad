/** Most runs of data in an answer; an answer stays below 40 KiB. */
const MAX_RUNS = 1024;

/**
 * Answers each line on standard input with a line, on the open file that is its descriptor 3:
 *
 *     data START END         ok UPTO [START END]...   runs of data, known from START to UPTO
 *     fallocate MODE AT LEN  ok
 *     discard AT LEN         ok                       (BLKDISCARD)
 *
 * or `errno N`, or `short` where the file has become shorter than END. Arguments: the numbers of
 * the system call fallocate and of the ioctl BLKDISCARD, 0 for unknown. SEEK_DATA is 3, SEEK_HOLE
 * 4 (lseek(2)). It ignores signals, since a terminal sends them to us and to it, and we may need it
 * to shut down; it ends with its input, so also when we are killed.
 */
export const HOLES_SCRIPT = `
$| = 1;
$SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM);
exit 20 unless length(pack('p', '')) == 8;
open(my $file, '+<&=', 3) or exit 21;
my ($fallocate, $blkdiscard) = map { $_ + 0 } @ARGV;
sub data {
  my ($start, $end) = @_;
  my @runs;
  while ($start < $end && @runs < 2 * ${MAX_RUNS}) {
    my $from = sysseek($file, $start, 3);
    if (!defined $from) {
      return 'errno ' . ($! + 0) if $! != 6;
      return sysseek($file, 0, 2) < $end ? 'short' : "ok $end @runs";
    }
    last if $from >= $end;
    my $to = sysseek($file, $from, 4);
    return 'errno ' . ($! + 0) if !defined $to;
    return 'short' if $to <= $from;
    $to = $end if $to > $end;
    push @runs, $from + 0, $to + 0;
    $start = $to;
  }
  my $upto = @runs < 2 * ${MAX_RUNS} ? $end : $start;
  return "ok $upto @runs";
}
while (defined(my $line = <STDIN>)) {
  my ($verb, @args) = split ' ', $line;
  @args = map { $_ + 0 } @args;
  my $answer = 'errno 38';
  if ($verb eq 'data') {
    $answer = data(@args);
  } elsif ($verb eq 'fallocate' && $fallocate) {
    my $failed = syscall($fallocate, 3, @args) == -1;
    $answer = $failed ? 'errno ' . ($! + 0) : 'ok';
  } elsif ($verb eq 'discard' && $blkdiscard) {
    my $done = ioctl($file, $blkdiscard, my $range = pack('QQ', @args));
    $answer = $done ? 'ok' : 'errno ' . ($! + 0);
  }
  print "$answer\\n";
}
`;
