#!/usr/bin/env bash
# npm run repository -- --key ID FOLDER DEB…: adds packages to a signed apt repository in FOLDER, which any web server can serve as it is. The key is
# yours: ID is what `gpg --list-secret-keys` shows (GNUPGHOME is respected); none is made here.
set -euo pipefail
usage() { sed -n '2,3s/^# //p' "$0" >&2; exit 64; }
key=
if [ "${1:-}" = --key ]; then key=${2:-}; shift 2 || usage; fi
[ -n "$key" ] && [ $# -ge 1 ] || usage
for tool in apt-ftparchive:apt-utils gpg:gpg dpkg-deb:dpkg; do
  command -v "${tool%:*}" >/dev/null || { echo "repository: ${tool%:*} is missing (apt-get install ${tool#*:})" >&2; exit 69; }
done
gpg --batch --list-secret-keys "$key" >/dev/null 2>&1 || { echo "repository: gpg has no secret key $key; nothing was changed" >&2; exit 69; }
folder=$1
shift
umask 022
for deb in "$@"; do
  name=$(dpkg-deb -f "$deb" Package) || { echo "repository: $deb is not a Debian package; nothing was changed" >&2; exit 64; }
  [ "$name" = knockctl ] || { echo "repository: $deb is the package $name, not knockctl; nothing was changed" >&2; exit 64; }
done
mkdir -p "$folder/pool"
for deb in "$@"; do
  install -m 644 "$deb" "$folder/pool/$(dpkg-deb -f "$deb" Package)_$(dpkg-deb -f "$deb" Version)_$(dpkg-deb -f "$deb" Architecture).deb"
done
cd "$folder"
# Made beside the old one, and put in its place when it is whole.
rm -rf dists.new
architectures=$(for deb in pool/*.deb; do dpkg-deb -f "$deb" Architecture; done | sort -u)
for architecture in $architectures; do
  index=dists.new/stable/main/binary-$architecture
  mkdir -p "$index"
  apt-ftparchive --arch "$architecture" packages pool >"$index/Packages"
  gzip -9nk "$index/Packages"
done
apt-ftparchive -o APT::FTPArchive::Release::Origin=knockctl -o APT::FTPArchive::Release::Label=knockctl \
  -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Codename=stable -o APT::FTPArchive::Release::Components=main \
  -o APT::FTPArchive::Release::Architectures="$(echo $architectures)" release dists.new/stable >Release.new
mv Release.new dists.new/stable/Release
gpg --batch --yes --local-user "$key" --digest-algo SHA256 --clearsign --output dists.new/stable/InRelease dists.new/stable/Release
gpg --batch --yes --local-user "$key" --digest-algo SHA256 --armor --detach-sign --output dists.new/stable/Release.gpg dists.new/stable/Release
gpg --batch --yes --export "$key" >knockctl.gpg
rm -rf dists
mv dists.new dists
cat <<WORDS
$PWD is a repository. Served as https://HOST/PATH, it is used by:
  curl -fsSo /usr/share/keyrings/knockctl.gpg https://HOST/PATH/knockctl.gpg
  echo 'deb [signed-by=/usr/share/keyrings/knockctl.gpg] https://HOST/PATH stable main' >/etc/apt/sources.list.d/knockctl.list
  apt-get update && apt-get install knockctl
WORDS
