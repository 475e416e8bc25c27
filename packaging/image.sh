# Sourced by package.sh: an OCI image, made without a daemon: a tar archive in OCI's image layout, for `podman load`, `skopeo copy oci-archive:…`,
# and, from version 25 on, `docker load`. Debian 13, what the Debian package needs, and the package.

make_image() {
  command -v debootstrap >/dev/null || { echo 'package: debootstrap is missing (apt-get install debootstrap)' >&2; exit 69; }
  [ "$(id -u)" = 0 ] || { echo 'package: an image is made by root (debootstrap)' >&2; exit 77; }
  [ "$arch" = "$own" ] || { echo 'package: an image is made on a machine of its architecture' >&2; exit 64; }
  local packages=iptables,ipset,nftables,libpcap0.8t64,libstdc++6 root=$work/image layout=$work/layout base stamp
  stamp=$(printf '%s %s' "$packages" "$debian" | sha256sum | cut -c1-16)
  # A day old at most: its packages are to be those of today.
  base=$runtime/../image-$stamp-$(date +%F)
  if [ ! -e "$base/.made" ]; then
    rm -rf "$runtime"/../image-*
    debootstrap --variant=minbase "--include=$packages" trixie "$base" >"$work/debootstrap.log" 2>&1 || { tail -n 20 "$work/debootstrap.log" >&2; exit 69; }
    touch "$base/.made"
  fi
  cp -a --reflink=auto "$base" "$root"
  rm "$root/.made"

  local deb
  deb=$(out=$work fast=yes && . "$here/deb.sh" && make_deb)
  cp "$deb" "$root/knockctl.deb"
  chroot "$root" env DEBIAN_FRONTEND=noninteractive dpkg --install /knockctl.deb >"$work/dpkg.log" 2>&1 || { tail "$work/dpkg.log" >&2; exit 69; }
  rm -rf "$root"/knockctl.deb "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* "$root"/usr/share/{doc,man,locale,info,bash-completion,zsh}/*
  rm -f "$root"/etc/resolv.conf "$root"/etc/hostname "$root"/etc/machine-id "$root"/var/lib/systemd/random-seed
  find "$root/dev" "$root/proc" "$root/sys" "$root/run" "$root/tmp" -mindepth 1 -delete 2>/dev/null || true

  mkdir -p "$layout/blobs/sha256"
  tar -C "$root" --numeric-owner --sort=name -cf "$work/layer.tar" .
  # put FILE TYPE: makes a blob of it; prints its descriptor.
  blob() {
    local sum size
    sum=$(sha256sum "$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$layout/blobs/sha256/$sum"
    printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s}' "$2" "$sum" "$size"
  }
  local diff layer config manifest
  diff=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  gzip "$([ -n "$fast" ] && echo -1 || echo -6)" -nc "$work/layer.tar" >"$work/layer.tgz"
  rm "$work/layer.tar"
  layer=$(blob "$work/layer.tgz" layer.v1.tar+gzip)
  cat >"$work/config" <<JSON
{"created":"$(date -u +%FT%TZ)","architecture":"$debian","os":"linux","config":{"Entrypoint":["/usr/sbin/knockctl"],"Cmd":["run"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Volumes":{"/etc/knockctl":{},"/var/lib/knockctl":{},"/run/knockctl":{}},"StopSignal":"SIGTERM","Labels":{"org.opencontainers.image.title":"knockctl","org.opencontainers.image.version":"$version","org.opencontainers.image.licenses":"MIT"}},"rootfs":{"type":"layers","diff_ids":["sha256:$diff"]},"history":[{"created":"$(date -u +%FT%TZ)","created_by":"packaging/image.sh"}]}
JSON
  config=$(blob "$work/config" config.v1+json)
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' "$config" "$layer" >"$work/manifest"
  manifest=$(blob "$work/manifest" manifest.v1+json)
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' \
    "$(printf %s "$manifest" | sed "s|}\$|,\"platform\":{\"architecture\":\"$debian\",\"os\":\"linux\"},\"annotations\":{\"org.opencontainers.image.ref.name\":\"knockctl:$version\"}}|")" >"$layout/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  tar -C "$layout" --owner=0 --group=0 --sort=name -cf "$out/knockctl-$version-$debian-oci.tar" .
  echo "$out/knockctl-$version-$debian-oci.tar"
}
