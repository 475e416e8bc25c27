#!/usr/bin/env bash
# Unpacks Debian's headless Chromium, and the libraries that this machine lacks, into a root of their own, once: prints its path.
set -euo pipefail

root=/var/tmp/knockctl-host/chromium
mkdir -p "$root"
exec 9>"$root/lock"
flock 9
if [ ! -e "$root/.made" ]; then
  mkdir -p "$root/debs"
  cd "$root/debs"
  apt-get -s install --no-install-recommends chromium-headless-shell 2>/dev/null | awk '/^Inst/ { print $2 }' |
    xargs apt-get -qq download >/dev/null 2>&1
  for deb in *.deb; do dpkg-deb -x "$deb" "$root"; done
  rm -r "$root/debs"
  touch "$root/.made"
fi
echo "$root"
