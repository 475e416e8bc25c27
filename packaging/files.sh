# Sourced by deb.sh, rpm.sh and image.sh: where a system with a package manager looks for what is not a program.

# files STAGE: all that a Debian and a Red Hat package have in common.
files() {
  local stage=$1 lib=$1/usr/lib/knockctl doc=$1/usr/share/doc/knockctl page text
  put() { install -D -m "${3:-644}" "$1" "$stage/$2"; }

  programs "$lib" "$program"
  put packaging/scripts.sh usr/lib/knockctl/scripts.sh
  mkdir -p "$stage/usr/sbin"
  ln -s ../lib/knockctl/dist/app/bin/knockctl.js "$stage/usr/sbin/knockctl"
  put init/knockctl.cron etc/cron.d/knockctl
  put init/knockctl.logrotate etc/logrotate.d/knockctl
  put init/neighbours/knockctl-ban usr/lib/knockctl/neighbours/knockctl-ban 755
  put init/neighbours/fail2ban.conf etc/fail2ban/action.d/knockctl.conf
  put init/neighbours/crowdsec.yaml usr/share/doc/knockctl/examples/crowdsec.yaml
  sed 's|@KNOCKCTL@|/usr/sbin/knockctl|' init/knockctl.service >"$work/unit"
  put "$work/unit" usr/lib/systemd/system/knockctl.service
  put init/completion/knockctl.bash usr/share/bash-completion/completions/knockctl
  for page in docs/man/*.[158]; do
    put "$page" "usr/share/man/man${page##*.}/$(basename "$page")"
  done
  # Configuration and state are root's alone.
  mkdir -p "$stage/etc" "$stage/var/lib"
  mkdir -m 700 "$stage/etc/knockctl" "$stage/var/lib/knockctl"

  # The documents keep their places to each other, so that their links lead somewhere.
  for text in README.md CHANGELOG.md SECURITY.md CONTRIBUTING.md docs/*.md docs/decisions/*.md; do
    put "$text" "usr/share/doc/knockctl/$text"
  done
  {
    cat LICENSE
    printf '\n\nThe package cap, in /usr/lib/knockctl/node_modules/cap:\n\n'
    cat node_modules/cap/LICENSE
    printf '\nPackages that are part of the programs: /usr/lib/knockctl/dist/app/LICENSES\n'
    [ -n "$system_node" ] || printf 'Node.js, in /usr/lib/knockctl/bin: /usr/lib/knockctl/bin/LICENSE\n'
  } >"$doc/copyright"
  for text in trusted/knockd.trusted init/knockd.service init/knockd.sysv; do
    put "$text" "usr/share/doc/knockctl/examples/$(basename "$text")"
  done
}
