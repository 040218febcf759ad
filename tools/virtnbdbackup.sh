#!/bin/sh
# tools/virtnbdbackup.sh FOLDER: puts virtnbdbackup's Python modules there, out of Debian's package. Nothing is
# installed, and nothing of it is part of this repository.
set -eu
folder=$1
[ -e "$folder/libvirtnbdbackup/sparsestream" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=$(apt-get download --print-uris virtnbdbackup | sed -n "s/^'\([^']*\)'.*/\1/p")
/usr/lib/apt/apt-helper download-file "$package" "$work/package.deb" >/dev/null
dpkg-deb -x "$work/package.deb" "$work/files"
mkdir -p "$folder"
mv "$work/files/usr/lib/python3/dist-packages/libvirtnbdbackup" "$folder/"
