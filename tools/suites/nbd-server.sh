#!/bin/sh
# Stands in for nbd-server in the tests of the nbd package: reads what of its configuration they use, and starts
# $QEMU_NBD with the first export of it.
while [ $# -gt 0 ]; do
  case $1 in
    -C) conf=$2 && shift ;;
    -p) pid=$2 && shift ;;
  esac
  shift
done
get() { sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" "$conf" | head -n 1; }
included=$(get includedir)
if [ -n "$included" ]; then
  cat "$conf" "$included"/*.conf >"$conf.whole"
  conf=$conf.whole
fi
name=$(sed -n 's/^\[\(.*\)\]$/\1/p' "$conf" | grep -v '^generic$' | head -n 1)
file=$(get exportname)
if [ "$(get temporary)" = true ]; then
  file=$conf.disk
  truncate -s "$(get filesize)" "$file"
fi
set -- --fork --pid-file="$pid" -t -e 0 -f raw -x "$name"
[ "$(get readonly)" = true ] && set -- "$@" -r
certificate=$(get certfile)
if [ -n "$certificate" ]; then
  folder=$(dirname "$certificate")
  set -- "$@" --object "tls-creds-x509,id=t,dir=$folder,endpoint=server,verify-peer=on" --tls-creds t
fi
socket=$(get unixsock)
if [ -n "$socket" ]; then set -- "$@" -k "$socket"; else set -- "$@" -b :: -p 10809; fi
exec "$QEMU_NBD" "$@" "$file"
