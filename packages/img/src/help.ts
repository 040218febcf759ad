/** For `--help`: in our own words, and of what there is here. Programs look for the end of `bitmap`'s line. */
export const HELP = `usage: tidemark img COMMAND [OPTION...] FILE...
Takes the command lines of qemu-img for raw and qcow2 images, prints what it prints, and keeps bitmaps.

  bitmap   (--add | --remove | --clear | --enable | --disable | --merge SOURCE)... [-b FILE [-F FORMAT]] [-g GRANULARITY] [-f FORMAT] filename bitmap
  check    [-f FORMAT] [--output FORM] [-q] [-r leaks|all] [-T CACHE] [-U] FILE
  compare  [-f FORMAT] [-F FORMAT] [-p] [-q] [-s] [-T CACHE] [-U] FILE1 FILE2
  convert  [-f FORMAT] [-O FORMAT] [-o OPTIONS] [-B BACKING [-F FORMAT]] [-c] [-n] [-p] [-q] [-U]
           [-S SIZE] [-m COUNT] [-W] [-t CACHE] [-T CACHE] [--bitmaps [--skip-broken-bitmaps]]
           [--target-is-zero] [--salvage] FILE... TARGET
  create   [-f FORMAT] [-b BACKING [-F FORMAT]] [-u] [-o OPTIONS] [-q] FILE [SIZE]
  info     [-f FORMAT] [--output FORM] [--backing-chain] [-U] FILE
  map      [-f FORMAT] [--output FORM] [-s OFFSET] [-l LENGTH] [-U] FILE
  measure  [-O FORMAT] [-o OPTIONS] [--output FORM] (--size SIZE | [-f FORMAT] [-U] FILE)
  resize   [-f FORMAT] [--shrink] [--preallocation MODE] [-q] FILE [+|-]SIZE
  snapshot -l [-U] FILE

FILE is a path, or an export of an NBD server: nbd+unix:///NAME?socket=PATH, nbd://HOST:PORT/NAME.
With --image-opts it is options: driver=qcow2,file.filename=PATH; convert has --target-image-opts too,
and --object TYPE,id=ID,... are credentials that such options name.
FORMAT is raw or qcow2, FORM human or json; -o help lists the options of a new image.
Sizes are bytes, or have a suffix of powers of 1024: k, M, G, T, P, E.

Supported formats: qcow2 raw
`;
