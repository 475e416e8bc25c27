#!/usr/bin/env bash
# packaging/modules.sh RUNTIME ARCH: compiles cap (patched) for the Node.js in that folder, and knockctl's native module, apart from those in
# node_modules; prints the folder with cap.node and knockctl.node. Kept in ~/.cache/knockctl as long as nothing of it changes.
set -euo pipefail
top=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
runtime=$(realpath "${1:?usage: packaging/modules.sh RUNTIME ARCH}")
arch=${2:?usage: packaging/modules.sh RUNTIME ARCH}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/knockctl
# In the packages cap.node lies in node_modules/cap/build/Release, and lib is where a link to a libpcap of another name may be (rpm, tar).
rpath="'\$\$ORIGIN/../../../../lib'"
# For another architecture than this one: a cross compiler, node-gyp on this machine's own runtime, and in place of its libpcap a library of that name
# with nothing but names in it, which is all that is taken from it.
runner=$runtime tools= cross=
own=$("$(command -v node)" -p process.arch)
if [ "$arch" != "$own" ]; then
  case $arch in x64) tools=x86-64-linux-gnu- ;; arm64) tools=aarch64-linux-gnu- ;; esac
  command -v "${tools}g++" >/dev/null || { echo "modules: ${tools}g++ is missing (apt-get install g++-${tools%-})" >&2; exit 69; }
  runner=$(bash "$top/packaging/runtime.sh")
  cross=--arch=$arch
  export CC=${tools}gcc CXX=${tools}g++
fi
stamp=$({
  echo "$arch"; cat "${BASH_SOURCE[0]}"
  basename "$runtime"; echo "$rpath"; cc --version | head -n 1; sha256sum <"$runtime/include/node/node_version.h"
  cat "$top/node_modules/cap/src/binding.cc" "$top/node_modules/nan/package.json" "$top/native/knockctl.c" "$top/native/build.mjs"
} | sha256sum | cut -c1-16)
folder=$cache/modules-$stamp
exec 9>"$cache/lock"
flock 9
if [ ! -e "$folder/.made" ]; then
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/node_modules" "$work/out" "$work/lib"
  if [ -n "$cross" ]; then
    grep -o '\<pcap_[a-z_]*(' "$top/node_modules/cap/src/binding.cc" | sort -u | sed 's/(/(void) {}/; s/^/void /' >"$work/pcap.c"
    "$CC" -shared -Wl,-soname,libpcap.so.0.8 -o "$work/lib/libpcap.so" "$work/pcap.c"
  fi
  cp -aL "$top/node_modules/cap" "$top/node_modules/nan" "$work/node_modules/"
  rm -rf "$work/node_modules/cap/build"
  gyp=${npm_config_node_gyp:-$(npm root --global)/npm/node_modules/node-gyp/bin/node-gyp.js}
  (
    cd "$work/node_modules/cap"
    # binding.gyp calls `node` as well.
    PATH=$runner/bin:$PATH LDFLAGS="-L$work/lib -Wl,-z,relro,-z,now -Wl,-rpath,$rpath" "$runner/bin/node" "$gyp" rebuild $cross "--nodedir=$runtime" >"$work/log" 2>&1
  ) || { tail -n 30 "$work/log" >&2; echo 'modules: cap could not be compiled' >&2; exit 69; }
  cp "$work/node_modules/cap/build/Release/cap.node" "$work/out/"
  node "$top/native/build.mjs" "$work/out"
  "${tools}strip" --strip-unneeded "$work"/out/*.node
  [ -n "$cross" ] || "$runtime/bin/node" -e 'process.dlopen({ exports: {} }, process.argv[1]); process.dlopen({ exports: {} }, process.argv[2])' "$work/out/cap.node" "$work/out/knockctl.node"
  LC_ALL=C readelf -d "$work/out/cap.node" | grep -q 'NEEDED.*\[libpcap\.so\.0\.8\]' || { echo 'modules: cap.node does not ask for libpcap.so.0.8' >&2; exit 69; }
  touch "$work/out/.made"
  rm -rf "$folder"
  mv "$work/out" "$folder"
fi
echo "$folder"
