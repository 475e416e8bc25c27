# Sourced by package.sh: the Debian package.
. "$here/files.sh"

make_deb() {
  local stage=$work/deb depends suffix= script file size compress=(-Zxz)
  mkdir "$stage"
  files "$stage"
  local lib=$stage/usr/lib/knockctl
  put init/knockctl.sysv etc/init.d/knockctl 755
  put init/netfilter-persistent usr/share/netfilter-persistent/plugins.d/05-knockctl 755
  put init/completion/_knockctl usr/share/zsh/vendor-completions/_knockctl
  mkdir -p "$lib/man" && mv "$stage/usr/share/man/man1/knock.1" "$lib/man/" # knockd has one of that name: alternatives
  rmdir "$stage/usr/share/man/man1"
  gzip -9n "$lib"/man/* "$stage"/usr/share/man/man*/*

  depends="iptables, ipset, libpcap0.8 | libpcap0.8t64, libc6 (>= $(libc "$lib")), libstdc++6, util-linux, coreutils, passwd"
  if [ -n "$system_node" ]; then
    # The compiled capture module is for one major version of Node.js, from the oldest that package.json allows.
    local major least
    major=$(node -p 'process.versions.node.split(".")[0]')
    least=$(node -p 'require("./package.json").engines.node.replace(">=", "")')
    [ "${least%%.*}" = "$major" ] || least=$major
    depends="nodejs (>= $least), nodejs (<< $((major + 1))), $depends"
    suffix=_system-node
  fi

  mkdir "$stage/DEBIAN"
  for script in postinst prerm postrm; do install -m 755 "$here/deb/$script" "$stage/DEBIAN/$script"; done
  install -m 644 "$here/deb/triggers" "$stage/DEBIAN/triggers"
  printf '/etc/%s\n' init.d/knockctl cron.d/knockctl logrotate.d/knockctl fail2ban/action.d/knockctl.conf >"$stage/DEBIAN/conffiles"
  (cd "$stage" && find usr etc -type f -print0 | sort -z | xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
  size=$(du -sk --exclude=DEBIAN "$stage" | cut -f1)
  cat >"$stage/DEBIAN/control" <<CONTROL
Package: knockctl
Version: $version
Architecture: $debian
Maintainer: knockctl <knockctl@localhost>
Installed-Size: $size
Depends: $depends
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
  [ -z "$fast" ] || compress=(-Zgzip -z1)
  [ -z "$system_node" ] || compress=(-Zgzip)
  file=$out/knockctl_${version}_$debian$suffix.deb
  dpkg-deb --root-owner-group "${compress[@]}" --build "$stage" "$file" >/dev/null
  echo "$file"
}
