#!/bin/sh
# As root: stops knockctl, takes its rules out, and takes away what install.sh has put in place. Configuration and state stay.
set -eu
target=$(cd "$(dirname "$0")" && pwd)
"$target/dist/app/bin/knockctl.js" uninstall
cd /
rm -rf "$target"
