import { fileName } from './forms.js';
import { portWords, type ClientPlan } from './plan.js';

/**
 * A script for any POSIX shell, with what macOS, Linux and WSL have: nc, bash's /dev/tcp, telnet, curl. Each tries to connect in the
 * background and is ended before the kernel sends its SYN a second time, which it does after a second.
 */
export function shellScript(plan: ClientPlan): string {
  const seconds = (Math.max(100, plan.delayMs) / 1000).toFixed(2);
  return `#!/bin/sh
# Knocks at ${plan.host}, and runs the command that stands behind, if any:
#   sh knock-${fileName(plan.door)}.sh ssh ${plan.host}
# Whoever can read this file can knock: chmod 700.
host=${quoted(plan.host)}
ports=${quoted(portWords(plan.steps).join(' '))}
pause=${seconds}

has() { command -v "$1" >/dev/null 2>&1; }

tcp() {
  if has nc; then exec nc -w 1 "$host" "$1"
  elif has bash; then exec bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$host" "$1"
  elif has telnet; then exec telnet "$host" "$1"
  elif has curl; then exec curl -s --connect-timeout 1 "telnet://$address:$1"
  elif has busybox; then exec busybox nc -w 1 "$host" "$1"
  fi
}

# The nc of busybox has no -u: bash comes first.
udp() {
  if has bash; then exec bash -c 'printf x >"/dev/udp/$1/$2"' bash "$host" "$1"
  elif has nc; then printf x | nc -u -w 1 "$host" "$1"
  elif has socat; then printf x | socat - "UDP-SENDTO:$address:$1"
  elif has python3; then
    exec python3 -c 'import socket, sys
a = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), 0, socket.SOCK_DGRAM)[0]
socket.socket(a[0], a[1]).sendto(b"x", a[4])' "$host" "$1"
  fi
}

any() {
  for tool do has "$tool" && return; done
  echo "knock: one of these programs is needed: $*" >&2
  exit 69
}

case $host in *:*) address="[$host]" ;; *) address=$host ;; esac
for knock in $ports; do
  case $knock in
    *:udp) any bash nc socat python3; udp "\${knock%:udp}" </dev/null >/dev/null 2>&1 & ;;
    *) any nc bash telnet curl busybox; tcp "$knock" </dev/null >/dev/null 2>&1 & ;;
  esac
  sleep "$pause" 2>/dev/null || sleep 1
  kill "$!" 2>/dev/null
  wait "$!" 2>/dev/null
done
[ "$#" -eq 0 ] || exec "$@"
`;
}

/** A word of the shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
