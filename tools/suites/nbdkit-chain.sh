#!/bin/bash
# nbdkit-chain.sh FOLDER COMMANDS WORDS...: nbdkit WORDS, $PEER's server as a client in front of it, and qemu-io with
# COMMANDS (a comma between two) in front of that. Prints what qemu-io says, without figures of time.
set -euo pipefail
bin=$1/bin commands=$2
shift 2
dir=$(mktemp -d)
cd "$dir"
stop() {
  for pid in front.pid back.pid; do [ -s $pid ] && kill "$(cat $pid)" 2>/dev/null; done
  rm -rf "$dir"
}
trap stop EXIT
head -c 2097152 <(seq 1000000) >disk
command nbdkit -P back.pid -U "$dir/back" "$@"
until [ -S back ]; do read -rt 0.05 <> <(:) || true; done
timeout 20 "$bin/qemu-nbd" -t -e 0 --fork --pid-file="$dir/front.pid" -f raw -k "$dir/front" \
  "nbd+unix:///?socket=$dir/back" 2>&1 | sed "s#$dir#DIR#g; s/^tidemark nbd/qemu-nbd/" || true
[ -S front ] || exit 1
IFS=, read -ra list <<<"$commands"
for command in "${list[@]}"; do args+=(-c "$command"); done
timeout 60 qemu-io -f raw "${args[@]}" "nbd+unix:///?socket=$dir/front" 2>&1 | sed '/ops\/sec/d; /^$/d' || true
