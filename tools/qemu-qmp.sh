#!/bin/sh
# tools/qemu-qmp.sh FOLDER: puts QEMU's own QMP client for Python there, from the sources beside Debian's package of
# qemu-utils. Nothing is installed, and nothing of it is part of this repository.
set -eu
folder=$1
[ -e "$folder/qemu/qmp/qmp_client.py" ] && exit 0
mkdir -p "$folder"
package=$(apt-get download --print-uris qemu-utils | sed -n "s/^'\([^']*\)'.*/\1/p")
upstream=$(dpkg-query -W -f '${source:Upstream-Version}' qemu-utils)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/lib/apt/apt-helper download-file "${package%/*}/qemu_$upstream.orig.tar.xz" "$work/qemu.tar.xz" >/dev/null
tar -xJf "$work/qemu.tar.xz" -C "$work" --wildcards '*/python/qemu/qmp/*'
mkdir -p "$folder/qemu"
mv "$work"/*/python/qemu/qmp "$folder/qemu/"
