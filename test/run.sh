#!/usr/bin/env bash
# Runs all tests, or those whose path holds one of the words given: npm test -- firewall
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ "$(id -u)" = 0 ] || { echo 'npm test needs root: it makes network namespaces and real firewalls in them' >&2; exit 77; }
# The host tests boot machines of their own: npm run test:host.
mapfile -t files < <(cd dist && find test -name '*.test.js' -not -path 'test/host/*' | sort)
if [ $# -gt 0 ]; then
  mapfile -t files < <(printf '%s\n' "${files[@]}" | grep -F "$(printf '%s\n' "$@")")
fi
# A compiled test whose source is gone must not run on.
existing=()
for file in "${files[@]}"; do
  [ -e "${file%.js}.ts" ] && existing+=("dist/$file")
done
run() { node --test --test-reporter=spec "$@"; }
failed=0
# The faults are measured against promised times: they run when nothing else does any more.
promised='/(faults/faults|e2e-faults/persistence-limits)\.test\.js$'
mapfile -t calm < <(printf '%s\n' "${existing[@]}" | grep -Ev "$promised" || true)
mapfile -t timed < <(printf '%s\n' "${existing[@]}" | grep -E "$promised" || true)
# The end-to-end tests wait for much of their time: a few more at once than most machines have cores.
[ ${#calm[@]} = 0 ] || run --test-concurrency=3 "${calm[@]}" || failed=1
[ ${#timed[@]} = 0 ] || run --test-concurrency=1 "${timed[@]}" || failed=1
exit $failed
