#!/usr/bin/env bash
# test/host/deb.sh [--system-node]: the Debian package of this tree, made once for all host tests; prints its path.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=/var/tmp/knockctl-host
mkdir -p "$folder"
stamp=$({
  echo "$@"; node --version
  find dist/app packaging init native rules trusted docs ./*.md package.json node_modules/cap/src node_modules/cap/build/Release/cap.node -type f -print0 | sort -z | xargs -0 sha256sum
} | sha256sum | cut -c1-16)
exec 9>"$folder/lock-deb"
flock 9
if ! ls "$folder/deb-$stamp"/*.deb >/dev/null 2>&1; then
  # The packages of other trees go after a day.
  find "$folder" -maxdepth 1 -name 'deb-*' -mmin +1440 -exec rm -rf {} +
  rm -rf "$folder/deb-$stamp"
  mkdir "$folder/deb-$stamp"
  bash packaging/package.sh --fast "$@" "$folder/deb-$stamp" >&2
fi
echo "$folder/deb-$stamp"/*.deb
