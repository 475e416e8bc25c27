#!/usr/bin/env bash
# Makes the Debian root that the host tests start from, once for each machine: prints its path.
set -euo pipefail

folder=/var/tmp/knockctl-host
node=$(dpkg-query -W -f '${Version}' nodejs 2>/dev/null) || { echo 'host tests need Node.js as a Debian package (nodejs), to install it in a root' >&2; exit 77; }
packages=systemd,systemd-sysv,dbus,iproute2,iptables,ipset,nftables,openssh-server,cron,libpcap0.8,libstdc++6,netbase,procps,kmod,logrotate,man-db
stamp=$(printf '%s %s' "$node" "$packages" | sha256sum | cut -c1-12)
base=$folder/base-$stamp
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
if [ ! -e "$base/.made" ]; then
  rm -rf "$folder"/base-*
  say() { printf 'host: %s\n' "$*" >&2; }
  say 'debootstrap'
  debootstrap --variant=minbase "--include=$packages" bookworm "$base" >"$folder/debootstrap.log" 2>&1 ||
    { tail -n 20 "$folder/debootstrap.log" >&2; exit 69; }
  say 'Node.js, as it is installed here'
  (cd "$folder" && rm -f nodejs_*.deb && DEB_BUILD_OPTIONS=nocheck dpkg-repack nodejs >repack.log 2>&1) || { tail "$folder/repack.log" >&2; exit 69; }
  mv "$folder"/nodejs_*.deb "$base/root/nodejs.deb"
  # No service is started in a root that is only being made.
  printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
  chmod 755 "$base/usr/sbin/policy-rc.d"
  chroot "$base" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/nodejs.deb >"$folder/node.log" 2>&1 ||
    { tail "$folder/node.log" >&2; exit 69; }
  rm "$base/usr/sbin/policy-rc.d" "$base/root/nodejs.deb"
  # An npm that has renewed itself is not that of the package any more.
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  rm -rf "$base/usr/lib/node_modules/npm"
  cp -a "$npm" "$base/usr/lib/node_modules/npm"
  touch "$base/.made"
fi
echo "$base"
