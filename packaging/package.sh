#!/usr/bin/env bash
# npm run package [-- OPTION… [FOLDER]]: makes packages of what is built; prints the path of each.
#   --format deb|rpm|tar|image   what to make (default deb); may be given several times
#   --system-node                a thin .deb that uses the system's own Node.js instead of bringing one
#   --node TARBALL --sha256 SUM  the Node.js of nodejs.org instead of npm's copy of it (packaging/runtime.sh)
#   --arch x64|arm64             for that architecture, by a cross compiler where it is another (default: this machine's)
#   --fast                       compress little: for tests
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
cd "$here/.."

umask 022 # what a checkout's modes are, and the caller's umask, is no matter of the package's
usage() { sed -n '2,7s/^# //p' "$here/package.sh" >&2; exit 64; }
formats=() system_node= fast= node=() out=. arch=
while [ $# -gt 0 ]; do
  case $1 in
    --format) case ${2:-} in deb | rpm | tar | image) formats+=("$2"); shift ;; *) usage ;; esac ;;
    --arch) case ${2:-} in x64 | arm64) arch=$2; shift ;; *) usage ;; esac ;;
    --system-node) system_node=yes ;;
    --node | --sha256) [ $# -ge 2 ] || usage; node+=("$1" "$2"); shift ;;
    --fast) fast=yes ;;
    -*) usage ;;
    *) out=$1; [ $# = 1 ] || usage ;;
  esac
  shift
done
[ ${#formats[@]} -gt 0 ] || formats=(deb)
own=$(node -p process.arch)
arch=${arch:-$own}
[ -z "$system_node" ] || [ "${formats[*]} $arch" = "deb $own" ] || { echo 'package: --system-node is for a .deb of this architecture alone' >&2; exit 64; }
out=$(realpath "$out")
[ -d "$out" ] || { echo "package: $out is not a folder" >&2; exit 64; }
case $arch in
  x64) debian=amd64 machine=x86_64 ;;
  arm64) debian=arm64 machine=aarch64 ;;
  *) debian=$(dpkg --print-architecture) machine=$(uname -m) ;;
esac
objdump=objdump
[ "$arch" = "$own" ] || objdump=${machine/x86_64/x86-64}-linux-gnu-objdump
version=$(node -p 'require("./package.json").version')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

if [ -z "$system_node" ]; then
  runtime=$(bash "$here/runtime.sh" --arch "$arch" "${node[@]}")
  modules=$(bash "$here/modules.sh" "$runtime" "$arch")
  cap=$modules/cap.node native=$modules/knockctl.node program=/usr/lib/knockctl/bin/node
else
  cap=node_modules/cap/build/Release/cap.node native=native/build/knockctl.node program=/usr/bin/node
fi

# programs FOLDER NODE: the programs, the compiled modules that they load, and Node.js, in a folder of their own; NODE is what runs them.
programs() {
  local lib=$1
  mkdir -p "$lib/dist" "$lib/node_modules/cap" "$lib/native/build" "$lib/docs"
  cp -a dist/app "$lib/dist/app"
  cp -a package.json rules "$lib/"
  cp -a node_modules/cap/{package.json,lib,LICENSE} "$lib/node_modules/cap/"
  install -D -m 644 "$cap" "$lib/node_modules/cap/build/Release/cap.node"
  install -m 644 "$native" "$lib/native/build/knockctl.node"
  if [ -z "$system_node" ]; then
    install -D -m 755 "$runtime/bin/node" "$lib/bin/node"
    install -m 644 "$runtime/LICENSE" "$lib/bin/LICENSE"
  fi
  find "$lib" -type d -empty -delete
  chmod -R u=rwX,go=rX "$lib"
  chmod 755 "$lib"/dist/app/bin/{knockctl,knock,knockd}.js
  # Whatever else is in somebody's PATH.
  sed -i "1s|^#!/usr/bin/env node\$|#!$2|" "$lib"/dist/app/bin/{knockctl,knock,knockd}.js
}

# What of the C library all of that needs: the oldest system that it runs on.
libc() { find "$1" \( -name '*.node' -o -path '*/bin/node' \) -exec "$objdump" -T {} + | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | sed s/GLIBC_//; }

for format in "${formats[@]}"; do
  . "$here/$format.sh"
  "make_$format"
done
