import type { Plugin } from 'rolldown';
import { PERL_FLOCK, WRITER_LOCKS } from '../../packages/block/src/locks/lock-bytes.ts';

/**
 * What perl does before it becomes Node: opens the image and locks it as `lockFile` would, hands it on in descriptor
 * TIDEMARK_HELD. Where any of this fails, the program does it once more, and tells of it.
 */
const PERL = `
my($program,@words)=@ARGV;
delete $ENV{PERL_BADLANG};
sub held{
  my$path=$words[-2];
  return if length(pack("p",""))!=8||@words<4||!-f$path;
  sysopen(my$file,$path,2)||return;
  flock($file,6)||return;
  my$lock="${PERL_FLOCK}";
  fcntl($file,37,pack($lock,0,0,$_,1,0))||return for ${WRITER_LOCKS.own.join()};
  for(${WRITER_LOCKS.others.join()}){
    my$found=pack($lock,1,0,$_,1,0);
    fcntl($file,36,$found)&&(unpack$lock,$found)[0]==2||return;
  }
  fcntl($file,2,0)&&$file
}
my$file=held();
$ENV{TIDEMARK_HELD}=fileno$file if$file;
exec{"node"}"node",$program,@words or print STDERR "$program: node: $!\\n";
exit 127`;

/**
 * Programs run qemu-img with 1 GiB of address space; V8 reserves half of that for compiled code, and does without it
 * where it has to. What is kept of it is no good there.
 */
const NARROW =
  'if [ "$1" = img ] && [ "$(ulimit -v)" -lt 2097152 ] 2>/dev/null; ' +
  'then export NODE_OPTIONS="--jitless $NODE_OPTIONS" NODE_DISABLE_COMPILE_CACHE=1; fi';

/**
 * The first lines of the program: a shell goes on with Node, as Node reads it they are two strings and comments. Who
 * changes bitmaps needs a lock, which Node cannot take: perl takes it on the way, in a third of the time that it
 * takes as Node's child.
 */
const LINES = [
  '#!/usr/bin/env sh',
  `':' //; ${NARROW}`,
  `':' //; if [ "$1.$2" = img.bitmap ] && [ -z "$PERL5OPT" ] && [ -d /proc/self/fdinfo ] && [ -x /usr/bin/perl ]; then PERL_BADLANG=0 exec /usr/bin/perl -e '${PERL.replace(/\n */g, '')}' -- "$0" "$@"; fi`,
  `':' //; exec node "$0" "$@"`,
];

/** Puts it in front of a program that begins with a line for the system. */
export function launcher(): Plugin {
  return {
    name: 'launcher',
    generateBundle(_options, files) {
      for (const file of Object.values(files)) {
        if (file.type === 'chunk') file.code = file.code.replace(/^#!.*$/m, () => LINES.join('\n'));
      }
    },
  };
}
