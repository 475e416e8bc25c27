# Sourced by package.sh: the RPM package, made by Debian's rpmbuild or any other.
. "$here/files.sh"

make_rpm() {
  local stage=$work/rpm top=$work/rpmbuild script payload=w6.xzdio
  command -v rpmbuild >/dev/null || { echo 'package: rpmbuild is missing (Debian: apt-get install rpm)' >&2; exit 69; }
  mkdir "$stage"
  files "$stage"
  install -D -m 644 init/completion/_knockctl "$stage/usr/share/zsh/site-functions/_knockctl"
  gzip -9n "$stage"/usr/share/man/man*/*
  mkdir -p "$stage/usr/bin" "$stage/usr/lib/knockctl/lib"
  ln -s ../lib/knockctl/dist/app/bin/knock.js "$stage/usr/bin/knock"
  # The capture module asks for the name that libpcap has in Debian.
  ln -s /usr/lib64/libpcap.so.1 "$stage/usr/lib/knockctl/lib/libpcap.so.0.8"

  [ -z "$fast" ] || payload=w1.gzdio
  mkdir -p "$top"
  {
    cat <<SPEC
Name: knockctl
Version: $version
Release: 1
Summary: port knocking with a firewall that fails safe
License: MIT AND Apache-2.0 AND BSD-3-Clause
# It brings a Node.js, and a module that asks for libpcap by the name that it has in Debian: what it needs is named by hand.
AutoReqProv: no
Requires: libc.so.6(GLIBC_$(libc "$stage"))(64bit)
Requires: libstdc++.so.6(GLIBCXX_3.4.21)(64bit)
Requires: libpcap.so.1()(64bit)
Requires: iptables-nft, ipset, util-linux, coreutils, shadow-utils
# Red Hat Enterprise Linux 10 has ip_set, nft_compat, xt_comment and xt_addrtype in there alone.
Requires: (kernel-modules-extra if kernel-core)
Recommends: nftables, cronie, logrotate
Conflicts: knock, knock-server
%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
%global _binary_payload $payload
%global _source_payload $payload

%description
Hides a port, that of SSH mostly, behind a knock. A supervisor owns the rules in
front of it, an unprivileged listener hears the knocks, and a switch in the
kernel hands over to what you chose when both are gone: nobody is locked out for
good, and no door stays open longer than it was opened for. Reads the knockd.conf
of knockd as it stands.

%install
cp -a $stage/. %{buildroot}/

SPEC
    for script in post preun postun; do printf '%%%s\n%s\n\n' "$script" "$(sed '/^#!/d' "$here/rpm/$script")"; done
    printf '%%files\n%%defattr(-,root,root,-)\n'
    (cd "$stage" && find . \( -type f -o -type l \) | sed 's/^\.//' | sort) | while read -r path; do
      case $path in
        /etc/*) printf '%%config(noreplace) %s\n' "$path" ;;
        /usr/share/doc/*) printf '%%doc %s\n' "$path" ;;
        *) printf '%s\n' "$path" ;;
      esac
    done
    (cd "$stage" && find ./usr/lib/knockctl ./usr/share/doc/knockctl -type d | sed 's/^\./%dir /')
    printf '%%dir %%attr(0700,root,root) %s\n' /etc/knockctl /var/lib/knockctl
  } >"$top/knockctl.spec"
  rpmbuild -bb --quiet --target "$machine" --define "_topdir $top" --define "_tmppath $work" --define '_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm' \
    "$top/knockctl.spec" >"$work/rpmbuild.log" 2>&1 || { tail -n 20 "$work/rpmbuild.log" >&2; exit 69; }
  cp "$top/RPMS/knockctl-$version-1.$machine.rpm" "$out/"
  echo "$out/knockctl-$version-1.$machine.rpm"
}
