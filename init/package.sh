#!/usr/bin/env bash
# npm run package [-- FOLDER]: makes knockctl_VERSION_ARCH.deb, with the built code, its production packages and the
# capture module as it was compiled for the Node.js of this machine. Prints the file's path.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

umask 022 # what a checkout's modes are, and the caller's umask, is no matter of the package's
out=$(realpath "${1:-.}")
version=$(node -p 'require("./package.json").version')
arch=$(dpkg --print-architecture)
major=$(node -p 'process.versions.node.split(".")[0]')
# The oldest of this major version that package.json allows.
node=$major
least=$(node -p 'require("./package.json").engines.node.replace(">=", "")')
[ "${least%%.*}" != "$major" ] || node=$least
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
lib=$stage/usr/lib/knockctl

put() { install -D -m "${3:-644}" "$1" "$stage/$2"; }

# The programs, and the compiled modules that they load with what these need.
mkdir -p "$lib/dist" "$lib/node_modules"
cp -a dist/app "$lib/dist/app"
cp -a package.json rules "$lib/"
for name in cap unix-dgram bindings file-uri-to-path; do cp -a "node_modules/$name" "$lib/node_modules/$name"; done
rm -rf "$lib"/node_modules/{cap,unix-dgram}/{deps,src,test}
for module in cap unix-dgram; do
  find "$lib/node_modules/$module/build" -type f ! -path '*/build/Release/*.node' -delete
  rm -rf "$lib/node_modules/$module/build/Release/obj.target"
done
find "$lib/node_modules" \( -name '*.d.ts' -o -name '*.map' -o -name '*.md' \) -type f -delete
find "$lib" -type d -empty -delete
chmod -R u=rwX,go=rX "$lib"
chmod 755 "$lib"/dist/app/bin/{knockctl,knock,knockd}.js
# The module is compiled for this Node.js: the package's, whatever else is in somebody's PATH.
sed -i '1s|^#!/usr/bin/env node$|#!/usr/bin/node|' "$lib"/dist/app/bin/{knockctl,knock,knockd}.js
libc=$(objdump -T "$lib"/node_modules/{cap,unix-dgram}/build/Release/*.node | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)

# Where a Debian system looks for the rest.
mkdir -p "$stage/usr/sbin"
ln -s ../lib/knockctl/dist/app/bin/knockctl.js "$stage/usr/sbin/knockctl"
put init/knockctl.sysv etc/init.d/knockctl 755
put init/knockctl.cron etc/cron.d/knockctl
put init/knockctl.logrotate etc/logrotate.d/knockctl
put init/netfilter-persistent usr/share/netfilter-persistent/plugins.d/05-knockctl 755
sed 's|@KNOCKCTL@|/usr/sbin/knockctl|' init/knockctl.service >"$stage/unit"
put "$stage/unit" lib/systemd/system/knockctl.service && rm "$stage/unit"
put init/neighbours/knockctl-ban usr/lib/knockctl/neighbours/knockctl-ban 755
put init/neighbours/fail2ban.conf etc/fail2ban/action.d/knockctl.conf
put init/neighbours/crowdsec.yaml usr/share/doc/knockctl/examples/crowdsec.yaml
put init/completion/knockctl.bash usr/share/bash-completion/completions/knockctl
put init/completion/_knockctl usr/share/zsh/vendor-completions/_knockctl
for page in docs/man/*.[158]; do
  put "$page" "usr/share/man/man${page##*.}/$(basename "$page")"
done
mkdir -p "$lib/man" && mv "$stage/usr/share/man/man1/knock.1" "$lib/man/" # knockd has one of that name: alternatives
rmdir "$stage/usr/share/man/man1"
gzip -9n "$lib"/man/* "$stage"/usr/share/man/man*/*
doc=usr/share/doc/knockctl
for text in README.md CHANGELOG.md docs/*.md; do put "$text" "$doc/$(basename "$text")"; done
put LICENSE "$doc/copyright"
put trusted/knockd.trusted "$doc/examples/knockd.trusted"

mkdir "$stage/DEBIAN"
for script in postinst prerm postrm; do install -m 755 "init/deb/$script" "$stage/DEBIAN/$script"; done
printf '/etc/%s\n' init.d/knockctl cron.d/knockctl logrotate.d/knockctl fail2ban/action.d/knockctl.conf >"$stage/DEBIAN/conffiles"
(cd "$stage" && find usr lib etc -type f -print0 | sort -z | xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
size=$(du -sk --exclude=DEBIAN "$stage" | cut -f1)
cat >"$stage/DEBIAN/control" <<CONTROL
Package: knockctl
Version: $version
Architecture: $arch
Maintainer: knockctl <knockctl@localhost>
Installed-Size: $size
Depends: nodejs (>= $node), nodejs (<< $((major + 1))), iptables, ipset, libpcap0.8 | libpcap0.8t64, libc6 (>= ${libc#GLIBC_}), libstdc++6, util-linux, coreutils, passwd
Recommends: nftables, cron | cron-daemon, logrotate
Section: net
Priority: optional
Description: port knocking with a firewall that fails safe
 Hides a port, that of SSH mostly, behind a knock. A supervisor owns the rules in
 front of it, an unprivileged listener hears the knocks, and a switch in the
 kernel hands over to what you chose when both are gone: nobody is locked out for
 good, and no door stays open longer than it was opened for. Reads the knockd.conf
 of knockd as it stands.
CONTROL
dpkg-deb --root-owner-group -Zgzip --build "$stage" "$out/knockctl_${version}_$arch.deb" >/dev/null
echo "$out/knockctl_${version}_$arch.deb"
