#!/bin/sh
# ./install.sh, as root: puts knockctl, with a Node.js of its own, in /usr/local/lib/knockctl, and what `knockctl install` puts in place: links to the
# programs, unit, init script, cron file, log rotation, man pages. It starts nothing. Called again, with a newer version, it replaces a
# running supervisor, and its rules stay in force meanwhile. /usr/local/lib/knockctl/uninstall.sh takes all of it away.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=/usr/local/lib/knockctl
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
say() { printf 'knockctl: %s\n' "$*"; }
die() { code=$1; shift; printf 'knockctl: %s; nothing was changed\n' "$*" >&2; exit "$code"; }

[ "$(id -u)" = 0 ] || die 77 'install.sh must run as root'
if command -v dpkg-query >/dev/null && [ "$(dpkg-query -W -f '${db:Status-Status}' knockctl 2>/dev/null)" = installed ]; then
  die 1 'it is installed as a Debian package: apt-get install the newer package, or apt-get remove knockctl first'
fi
if command -v rpm >/dev/null && rpm -q knockctl >/dev/null 2>&1; then
  die 1 'it is installed as an RPM package: dnf upgrade the newer package, or dnf remove knockctl first'
fi
"$here/knockctl/bin/node" -e 0 2>/dev/null ||
  die 69 "its Node.js does not run here: it needs $(uname -m | sed s/aarch64/arm64/) Linux with glibc $(cat "$here/glibc") or newer, and libstdc++ (musl, as in Alpine, will not do)"
missing=
for tool in iptables ip6tables iptables-restore ipset setpriv flock stdbuf; do
  command -v $tool >/dev/null || missing="$missing $tool"
done
[ -z "$missing" ] || die 69 "missing:$missing (packages iptables or iptables-nft, ipset, util-linux, coreutils)"

# Debian calls the library libpcap.so.0.8, others libpcap.so.1: the same interface.
library=$here/knockctl/lib/libpcap.so.0.8
rm -f "$library"
captures() { "$here/knockctl/bin/node" -e 'require(process.argv[1])' "$here/knockctl/node_modules/cap" 2>/dev/null; }
if ! captures; then
  for found in $(ldconfig -p 2>/dev/null | sed -n 's/^\s*libpcap\.so\.1 .* => //p') /usr/lib64/libpcap.so.1 /usr/lib/libpcap.so.1; do
    [ -e "$found" ] || continue
    ln -sf "$found" "$library"
    if captures; then break; fi
    rm -f "$library"
  done
  captures || die 69 'libpcap was not found, or cannot be loaded (package libpcap, or libpcap0.8)'
fi

rm -rf "$target.new"
mkdir -p "$(dirname "$target")"
cp -R "$here/knockctl" "$target.new"
chown -R 0:0 "$target.new"
old=
if [ -e "$target" ]; then
  old=$target.old
  rm -rf "$old"
  mv "$target" "$old"
fi
mv "$target.new" "$target"
if ! "$target/dist/app/bin/knockctl.js" install; then
  rm -rf "$target"
  [ -z "$old" ] || mv "$old" "$target"
  die 69 'knockctl install has failed (the reason stands above)'
fi
if [ -n "$old" ]; then
  "$target/dist/app/bin/knockctl.js" condrestart || say 'the supervisor of before could not be replaced: knockctl status' >&2
  rm -rf "$old"
fi
