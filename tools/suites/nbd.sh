#!/bin/bash
# tools/suites/nbd.sh FOLDER [SUITE...]: runs other projects' tests of NBD, with qemu-nbd and then with `tidemark nbd` in
# its place, and prints a table. SUITE: libnbd, nbd, nbdkit; all when left out. Build first (pnpm build). Sources come
# beside Debian's packages into FOLDER, and are built there once; nothing is installed, and nothing of them is part of
# this repository. On Debian it needs, beside what CONTRIBUTING.md lists:
#   apt-get install gcc make pkg-config libgnutls28-dev libxml2-dev libglib2.0-dev python3-dev gnutls-bin jq
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
suites=${*:-libnbd nbd nbdkit}

# Sources of releases that Debian's own tools find: LIBNBD has extended headers from 1.18 on.
LIBNBD=1.22.2-1 NBD=1:3.26.1-6.1

fetch() {
  name=$1 version=$2
  upstream=${version#*:} upstream=${upstream%-*}
  [ -e "$folder/$name-$upstream" ] && return
  mkdir -p "$folder"/apt/{lists/partial,cache/archives/partial}
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$(apt-get download --print-uris qemu-utils | sed -n "s/^'\(.*\)\/pool\/.*/\1/p")
  for suite in stable trixie sid; do
    echo "deb-src [signed-by=$keys] $mirror $suite main"
  done >"$folder/apt/sources.list"
  cat >"$folder/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$folder/apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$folder/apt/lists";
Dir::Cache "$folder/apt/cache";
CONF
  export APT_CONFIG=$folder/apt/apt.conf
  apt-get update -q >"$folder/fetch.log" 2>&1
  (cd "$folder" && apt-get source -q --download-only "$name=$version" >>"$folder/fetch.log" 2>&1)
  unset APT_CONFIG
  tar -xf "$folder/${name}_$upstream".orig.tar.?z -C "$folder"
}

# What the suites start as qemu-nbd: PEER says which of the two it is.
mkdir -p "$folder/bin"
cat >"$folder/bin/qemu-nbd" <<WRAPPER
#!/bin/sh
if [ "\$PEER" = tidemark ]; then exec $(command -v node) $root/apps/cli/dist/main.js nbd "\$@"; fi
exec $(command -v qemu-nbd) "\$@"
WRAPPER
chmod +x "$folder/bin/qemu-nbd"

# row SUITE TEST QEMU-NBD TIDEMARK
row() { printf '%-8s %-36s %-9s %s\n' "$@"; }

# automake TESTS of a folder: NAME RESULT
check() {
  (cd "$1" && PEER=$2 timeout 900 make -k check TESTS="$3" 2>/dev/null || true) |
    sed -n 's/^\(PASS\|FAIL\|SKIP\|XFAIL\|ERROR\): \(.*\)/\2 \1/p'
}

libnbd() {
  fetch libnbd $LIBNBD
  cd "$folder/libnbd-${LIBNBD%-*}"
  if [ ! -e info/nbdinfo ]; then
    QEMU_NBD=$folder/bin/qemu-nbd ./configure --disable-ocaml --disable-golang --disable-rust --disable-ublk
    make -j2
    for part in tests interop info copy; do make -C $part check TESTS=; done
  fi >"$folder/libnbd.log" 2>&1
  for part in interop info copy; do
    names=$(cd $part && grep -lsE 'QEMU_NBD|qemu-nbd' ./*.sh | sed 's#^\./##' | tr '\n' ' ')
    [ $part = interop ] && names="interop-qemu-nbd interop-qemu-nbd-tls-certs interop-qemu-nbd-tls-psk
      list-exports-qemu-nbd socket-activation-qemu-nbd $names"
    # One after the other: they use the same names for files.
    for peer in qemu-nbd tidemark; do
      check $part $peer "$(echo $names)" | sort >"$folder/libnbd-$part-$peer.log"
    done
    join "$folder/libnbd-$part-qemu-nbd.log" "$folder/libnbd-$part-tidemark.log" |
      while read -r test theirs ours; do row libnbd "$part/$test" "$theirs" "$ours"; done
  done
}

# nbd-tester-client of the nbd package, whose nbd-server is a script that starts either.
nbd() {
  fetch nbd $NBD
  upstream=${NBD#*:}
  cd "$folder/nbd-${upstream%-*}"
  if [ ! -e tests/run/nbd-tester-client ]; then
    # Its manuals need docbook; they are in the sources.
    DB2M=true ./configure
    make -k CFLAGS='-g -O2' || true
    make -C tests/run nbd-tester-client
  fi >"$folder/nbd.log" 2>&1
  install -m 755 "$here/nbd-server.sh" nbd-server
  cd tests/run
  # integrityhuge and tlshuge ask for more than 32 MiB at once, which neither server takes.
  for test in cfg1 cfgnew cfgsize write flush integrity dirconfig list rowrite unix handshake tls \
    tlswrongcert integrityhuge tlshuge; do
    for PEER in qemu-nbd tidemark; do
      export PEER QEMU_NBD=$folder/bin/qemu-nbd
      DELAY=2 timeout 120 ./simple_test "./$test" >"$folder/nbd-$test-$PEER.log" 2>&1 && echo PASS || echo FAIL
    done | paste - - | while read -r theirs ours; do row nbd "$test" "$theirs" "$ours"; done
  done
}

# How much it said, so that two that said nothing are seen.
lines() { echo "$(wc -l <"$folder/nbdkit-$1.log") lines"; }

# nbdkit with filters that misbehave, each server in front of it as a client of it: what qemu-io says of both.
nbdkit() {
  while read -r name commands words; do
    for PEER in qemu-nbd tidemark; do
      export PEER
      "$here/nbdkit-chain.sh" "$folder" "${commands//_/ }" $words >"$folder/nbdkit-$name-$PEER.log" 2>&1 || true
    done
    same=differs
    cmp -s "$folder/nbdkit-$name-qemu-nbd.log" "$folder/nbdkit-$name-tidemark.log" && same=same
    row nbdkit "$name" "$(lines "$name-qemu-nbd")" "$(lines "$name-tidemark"), $same"
  done <"$here/nbdkit-chains.txt"
}

row suite test qemu-nbd tidemark
for suite in $suites; do $suite; done
