# Sourced by package.sh: a tar archive with an install script, for systems whose package manager is another.

make_tar() {
  local name tree file
  name=knockctl-$version-linux-$machine
  tree=$work/$name/knockctl
  programs "$tree" /usr/local/lib/knockctl/bin/node
  mkdir "$tree/lib"
  cp -a init "$tree/init"
  rm -f "$tree"/init/{bundle.mjs,cap.patch,patch-cap.mjs,setup.sh}
  cp -a docs README.md CHANGELOG.md SECURITY.md CONTRIBUTING.md LICENSE trusted "$tree/"
  install -m 755 "$here/tar/uninstall.sh" "$tree/uninstall.sh"
  install -m 755 "$here/tar/install.sh" "$work/$name/install.sh"
  libc "$tree" >"$work/$name/glibc"
  chmod -R u=rwX,go=rX "$work/$name"
  file=$out/$name.tar.gz
  tar -C "$work" --owner=0 --group=0 --sort=name -cf - "$name" | gzip "$([ -n "$fast" ] && echo -1 || echo -9)" >"$file"
  echo "$file"
}
