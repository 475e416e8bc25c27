#!/usr/bin/env bash
# Runs a command N times while every core is kept busy by something else, and prints results and times:
# npm run test:beside-load -- [N] [COMMAND…]; by default three times all of npm test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

times=${1:-3}
[[ $times =~ ^[0-9]+$ ]] || { echo "beside-load: how often is a number, not «$times»" >&2; exit 64; }
shift || true
[ $# -gt 0 ] || set -- node dist/test/runner/main.js all

loops=()
trap '[ ${#loops[@]} = 0 ] || kill "${loops[@]}" 2>/dev/null || true' EXIT
for _ in $(seq "$(nproc)"); do
  # It ends with this script, also when that is killed, and after three hours at the latest.
  timeout 3h bash -c 'while kill -0 '$$' 2>/dev/null; do for ((i = 0; i < 100000; i++)); do :; done; done' &
  loops+=($!)
done

failed=0
results=()
for round in $(seq "$times"); do
  log=$(mktemp -t "knockctl-beside-load-$round-XXXXXX.log")
  began=$SECONDS
  if "$@" >"$log" 2>&1; then said='ok    '; rm -f "$log"; log=; else said=FAILED; failed=1; fi
  results+=("$said round $round: $((SECONDS - began)) s ${log:+(see $log)}")
  echo "${results[-1]}"
  [ -z "$log" ] || tail -n 40 "$log"
done
printf '\n%s beside %s busy loops:\n' "$*" "${#loops[@]}"
printf '%s\n' "${results[@]}"
exit $failed
