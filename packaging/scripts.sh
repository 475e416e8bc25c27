# In /usr/lib/knockctl: what the scripts of the Debian and of the RPM package have in common.

# The listener's own user: no other process of it can end the listener. A removal of all traces removes it, if it was made here.
make_user() {
  if getent passwd _knockctl >/dev/null; then return 0; fi
  if useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin _knockctl; then
    mkdir -p -m 700 /var/lib/knockctl
    id -u _knockctl >/var/lib/knockctl/made-user
  else
    echo 'knockctl: the user _knockctl could not be made: the listener runs as nobody' >&2
  fi
}

# Replaces a running supervisor by the new version.
replace_running() {
  /usr/sbin/knockctl condrestart || echo 'knockctl: the supervisor of before could not be replaced: knockctl status' >&2
}

# What to do next, where it does not run.
say_next() {
  code=0
  /usr/sbin/knockctl status >/dev/null 2>&1 || code=$?
  if [ $code = 3 ] && [ -e /etc/knockctl/knockctl.conf ]; then
    echo 'knockctl: it does not run, and nothing is shut: "knockctl start", or "knockctl start --trial 300"'
  elif [ $code = 3 ]; then
    echo 'knockctl: nothing is shut yet. "knockctl init" asks a few questions, and has it tried without risk.'
  fi
}

rules_left() {
  for save in iptables-save ip6tables-save iptables-nft-save ip6tables-nft-save iptables-legacy-save ip6tables-legacy-save; do
    if command -v $save >/dev/null && $save 2>/dev/null | grep -q 'knockctl:'; then return 0; fi
  done
  # A rule of nft is enough, and iptables-save shows nothing of its table, with exit status 0; stop notes what it could not take out.
  [ $stopped != yes ] && [ -e /run/knockctl/kernel.json ]
}

# Before a removal: ends the unit, and takes all rules out. A removal that cannot take them out ends here: without the program they could
# hold a port shut with nobody to open it.
leave_firewall() {
  if [ -d /run/systemd/system ]; then
    systemctl disable --quiet --now knockctl.service || true
  else
    rm -f /etc/systemd/system/*.wants/knockctl.service
  fi
  # What a dead supervisor has left goes too.
  stopped=yes
  /usr/sbin/knockctl stop || stopped=no
  if rules_left; then
    cat >&2 <<'WORDS'
knockctl: rules of it are still in the firewall, and it was not removed: without it they could hold a port shut.
  Above is why "knockctl stop" could not take them out; /usr/share/doc/knockctl/docs/recovery.md has how to do it by hand.
WORDS
    return 1
  fi
}
