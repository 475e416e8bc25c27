#!/usr/bin/env bash
# Makes a bare Debian or Ubuntu machine ready for `npm start`, `npm test` and `npm run bench`: Debian packages,
# npm packages, build. Idempotent, and quick when nothing is missing. It starts no service and touches no firewall.
# `setup.sh host`: for the host tests as well. `setup.sh unit`: for `npm run test:unit`, which needs npm's packages alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What is needed, each as FILE-OR-COMMAND:DEBIAN-PACKAGE.
NEEDED=(
  iptables:iptables ipset:ipset nft:nftables flock:util-linux setpriv:util-linux stdbuf:coreutils
  /usr/include/pcap/pcap.h:libpcap-dev g++:g++ make:make python3:python3
  ip:iproute2 knock:knockd tcpdump:tcpdump nmap:nmap nc:netcat-openbsd conntrack:conntrack ping:iputils-ping
  objdump:binutils ps:procps busybox:busybox curl:curl ssh:openssh-client /etc/services:netbase mandoc:mandoc zsh:zsh
)
# npm run test:host boots machines.
HOST=(
  debootstrap:debootstrap systemd-nspawn:systemd-container dpkg-repack:dpkg-repack ssh:openssh-client
  rpmbuild:rpm apt-ftparchive:apt-utils gpg:gpg gpgconf:gpgconf
)
[ "${1:-}" != host ] || NEEDED+=("${HOST[@]}")

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 69; }

has() {
  case $1 in
    /*) [ -e "$1" ] ;;
    *) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
  esac
}

# One set-up at a time: npm start and npm test may be called side by side.
exec 9<package.json
flock 9 2>/dev/null || true

node_major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || die "Node.js 20 or newer is needed: https://nodejs.org"
[ "$node_major" -ge 20 ] || die "Node.js 20 or newer is needed, this is $(node --version)"
command -v npm >/dev/null || die 'npm is needed (Debian: apt-get install npm)'
[ "$(uname -s)" = Linux ] || die "knockctl drives iptables and ipset: it needs Linux, this is $(uname -s)"

unit=
if [ "${1:-}" = unit ]; then
  unit=yes
  NEEDED=()
fi
missing=()
for need in "${NEEDED[@]}"; do
  has "${need%:*}" || missing+=("${need##*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  command -v apt-get >/dev/null || die "missing: ${missing[*]} (names of Debian's packages); install what your system calls them, then call this again"
  [ "$(id -u)" = 0 ] || die "missing: ${missing[*]}; as root: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  # Debian starts the services that it installs. Ours to test with, not to run: forbid it, unless somebody has already.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f '$policy EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
  fi
  log=$(mktemp)
  install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null; }
  install || { apt-get update >>"$log" 2>&1 || true; install; } || { tail -n 20 "$log" >&2; die "apt-get install ${missing[*]} failed"; }
  rm -f "$log"
  for need in "${NEEDED[@]}"; do
    has "${need%:*}" || die "${need%:*} is still missing, although ${need##*:} is installed"
  done
fi

# npm packages: again when the lock file, our patch of the capture module, or the version of Node (that module is native) has changed.
stamp="$(node -p process.version) $(cat package-lock.json init/cap.patch | sha256sum)"
if [ -n "$unit" ] && [ "$(cat node_modules/.knockctl-unit 2>/dev/null)" = "$stamp" ]; then
  :
elif [ -n "$unit" ] && [ "$(cat node_modules/.knockctl 2>/dev/null)" != "$stamp" ]; then
  # Native modules are not built: no unit test loads one.
  say 'npm ci --ignore-scripts'
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 </dev/null
  printf '%s' "$stamp" >node_modules/.knockctl-unit
elif [ "$(cat node_modules/.knockctl 2>/dev/null)" != "$stamp" ]; then
  say 'npm ci'
  # Node's own headers where the machine has them: node-gyp would download them.
  headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  [ -e "$headers/include/node/node.h" ] || headers=${npm_config_nodedir:-}
  npm_config_nodedir=$headers npm ci --no-audit --no-fund --loglevel=error >&2 </dev/null
  node -e 'require("cap")' 2>/dev/null || die 'the capture module (cap) was not built: npm rebuild cap --foreground-scripts tells why'
  printf '%s' "$stamp" >node_modules/.knockctl
fi

# Our own native module: in seconds, and in a copy of another tree's node_modules it is missing.
if [ -z "$unit" ] && [ ! native/build/knockctl.node -nt native/knockctl.c ]; then node native/build.mjs; fi

# Build: only where a source is newer than the last build.
if [ ! -e dist/.built ] || [ -n "$(find src test bench init/bundle.mjs tsconfig.json package-lock.json -newer dist/.built -print -quit)" ]; then
  say 'building'
  npm run --silent build >&2 </dev/null
  touch dist/.built
fi
# What kernel tests connect with.
if [ -z "$unit" ] && [ ! dist/test/helpers/peer -nt test/helpers/peer.c ]; then
  cc -O2 -o dist/test/helpers/peer test/helpers/peer.c
fi
