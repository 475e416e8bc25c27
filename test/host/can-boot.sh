#!/usr/bin/env bash
# Whether this machine can make a Debian root and run a container from it: says why not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

bash init/setup.sh host
base=$(bash test/host/base.sh)
timeout 60 systemd-nspawn --quiet --register=no --keep-unit --private-network --read-only --pipe \
  --directory="$base" /bin/true </dev/null >&2
