#!/usr/bin/env bash
# test/host/base.sh KIND: makes the Debian root that the host tests start from, once for each machine: prints its path.
#   bookworm       Debian 12, and no Node.js on it
#   trixie         Debian 13 with its own Node.js
#   bookworm-node  Debian 12 with the Node.js and npm of this machine
set -euo pipefail

folder=/var/tmp/knockctl-host
common=systemd,systemd-sysv,dbus,iproute2,iptables,ipset,nftables,openssh-server,cron,libstdc++6,netbase,procps,kmod,logrotate,man-db
case ${1:-bookworm} in
  bookworm) release=bookworm packages=$common,libpcap0.8 ;;
  trixie) release=trixie packages=$common,libpcap0.8t64,nodejs ;;
  bookworm-node) release=bookworm packages= ;;
  *) echo "usage: $0 bookworm|trixie|bookworm-node" >&2; exit 64 ;;
esac
kind=${1:-bookworm}
node=
if [ "$kind" = bookworm-node ]; then
  below=$(bash "${BASH_SOURCE[0]}" bookworm)
  node=$(dpkg-query -W -f '${Version}' nodejs 2>/dev/null) || { echo 'the host tests of npm need Node.js as a Debian package (nodejs), to install it in a root' >&2; exit 77; }
fi
stamp=$(printf '%s %s %s' "$node" "$packages" "${below:-}" | sha256sum | cut -c1-12)
base=$folder/root-$kind-$stamp
mkdir -p "$folder"
exec 9>"$folder/lock-$kind"
flock 9
if [ -e "$base/.made" ]; then
  echo "$base"
  exit
fi
for old in "$folder/root-$kind"-*; do case ${old#"$folder/root-$kind-"} in *-*) ;; *) rm -rf "$old" ;; esac; done
say() { printf 'host: %s\n' "$*" >&2; }
if [ -z "$node" ]; then
  say "debootstrap $release"
  debootstrap --variant=minbase "--include=$packages" "$release" "$base" >"$folder/debootstrap-$kind.log" 2>&1 ||
    { tail -n 20 "$folder/debootstrap-$kind.log" >&2; exit 69; }
  # Another package with a client named knock: for a machine, which has no way to fetch it.
  mkdir "$base/root/debs"
  chroot "$base" sh -c 'cd /root/debs && apt-get download knockd' >"$folder/$kind.log" 2>&1 || { tail "$folder/$kind.log" >&2; exit 69; }
  # Nothing that no test uses: each machine is a copy of it.
  rm -rf "$base"/var/cache/apt/archives/*.deb
else
  say 'Node.js, as it is installed here'
  cp -a --reflink=auto "$below" "$base"
  rm "$base/.made"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && DEB_BUILD_OPTIONS=nocheck dpkg-repack nodejs >log 2>&1) || { tail "$work/log" >&2; exit 69; }
  mv "$work"/nodejs_*.deb "$base/root/nodejs.deb"
  # No service is started in a root that is only being made.
  printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
  chmod 755 "$base/usr/sbin/policy-rc.d"
  chroot "$base" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/nodejs.deb >"$folder/$kind.log" 2>&1 ||
    { tail "$folder/$kind.log" >&2; exit 69; }
  rm "$base/usr/sbin/policy-rc.d" "$base/root/nodejs.deb"
  # An npm that has renewed itself is not that of the package any more.
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  rm -rf "$base/usr/lib/node_modules/npm"
  cp -a "$npm" "$base/usr/lib/node_modules/npm"
fi
touch "$base/.made"
echo "$base"
