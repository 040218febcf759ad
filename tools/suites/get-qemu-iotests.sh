#!/bin/sh
# tools/suites/get-qemu-iotests.sh FOLDER: puts QEMU's own tests of images there (tests/qemu-iotests), from the
# sources beside Debian's package of qemu-utils, and the emulator that many of them talk to, unpacked from Debian's
# packages. Nothing is installed, and nothing of it is part of this repository.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
if [ ! -e "$folder/suite/tests/qemu-iotests/check" ]; then
  package=$(apt-get download --print-uris qemu-utils | sed -n "s/^'\([^']*\)'.*/\1/p")
  upstream=$(dpkg-query -W -f '${source:Upstream-Version}' qemu-utils)
  mkdir -p "$folder/suite"
  /usr/lib/apt/apt-helper download-file "${package%/*}/qemu_$upstream.orig.tar.xz" "$folder/qemu.tar.xz" >/dev/null
  tar -xJf "$folder/qemu.tar.xz" -C "$folder/suite" --strip-components=1 --wildcards \
    '*/tests/qemu-iotests/*' '*/python/*'
  rm "$folder/qemu.tar.xz"
fi
if [ ! -e "$folder/system/usr/bin/qemu-system-x86_64" ]; then
  mkdir -p "$folder/packages"
  cd "$folder/packages"
  apt-get download qemu-system-x86 qemu-system-common qemu-system-data seabios ipxe-qemu libcapstone4 libexecs0 \
    libfdt1 libslirp0 libvdeplug2 >/dev/null
  for package in *.deb; do dpkg-deb -x "$package" "$folder/system"; done
fi
