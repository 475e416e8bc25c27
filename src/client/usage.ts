/** What `knock --help` prints; no line is longer than 80 characters. */
export const USAGE = `usage: knock [options] HOST PORT[:PROTO] [PORT[:PROTO]]... [--then CMD [ARG]...]
       knock [options] NAME [--then CMD [ARG]...]
       knock [options] --file FILE HOST [--then CMD [ARG]...]
       knock [options] - [--then CMD [ARG]...]
Sends a knock sequence: one packet to each port, in the order given.
PROTO is tcp (the default) or udp. NAME is a file in ~/.config/knock with lines
such as host = gate.example.org, ports = 7000 8000:udp 9000, delay = 200,
then = ssh gate.example.org. With - HOST and PORTs come from standard input.

  -u, --udp           knock at every port by UDP
  -d, --delay MS      wait MS milliseconds after each knock
  -r, --repeat N      send the whole sequence N times, one after the other:
                      against lost packets, or packets forged with your address
  -f, --file FILE     take the ports from FILE, or from standard input if it is
                      -, because every user of this machine can see command
                      lines
      --sequence-file FILE  the same
  -4, --ipv4          use IPv4 only
  -6, --ipv6          use IPv6 only
      --both          knock over IPv4, then over IPv6; over one of them if the
                      other is not available
  -i, --interface IF  knock from IF's own address, and only if the routes use
                      IF for it: this option does not change routes, and if
                      they use another interface nothing is sent
  -v, --verbose       print what is sent
  -V, --version       print the version
  -h, --help          print this
      --then CMD...   when all is sent, run CMD with all following words, no
                      earlier than 100 ms after the last knock; the exit code
                      is CMD's (128+N: signal N; 127: not found; 126: not
                      executable)

examples: knock gate.example.org 7000 8000:udp 9000
          knock --both gate.example.org 7000 8000 9000 \\
                --then ssh gate.example.org
          knock office
          knock --file ~/.ssh/knock gate.example.org
`;
