import type { Answers } from './answers.js';
import type { Places } from './places.js';

/** What each of the files is to hold: commented, for people who have never seen one. Pure. */
export function writeUp(answers: Answers, places: Places, client: string): ReadonlyMap<string, string> {
  return new Map([
    [places.trusted, trusted(answers)],
    [places.doors, doors(answers, client)],
    [places.conf, conf(answers, places)],
  ]);
}

/** The name of the door that opens the service. */
export function doorOf({ service }: Pick<Answers, 'service'>): string {
  return `open-${service}`;
}

function conf(
  { service, port, onFailure, gate }: Answers,
  { doors: doorsPath, trusted: list, paths, command }: Places,
): string {
  const where =
    paths === undefined
      ? ''
      : `[paths]
doors   = ${doorsPath}
trusted = ${list}
run     = ${paths.run}
state   = ${paths.state}

`;
  return `; Settings of knockctl: knockctl.conf(5) has them all. "${command} check" reads them,
; "${command} reload --trial 60" tries a change that undoes itself.

${where}[service.${service}]
ports          = ${port}

; For so many seconds a knock opens the port. What is connected by then stays connected.
accept_timeout = 300

; What new connections meet should knockctl be lost for good:
;   hold     the port stays shut; trusted addresses get in, and so does who knocks, for the kernel knows the doors itself
;   restore  your own rules decide, as if knockctl were not there
;   flush    everybody gets in
on_failure     = ${onFailure}

; Rules of your own (iptables -I INPUT … -j ACCEPT) and the port:
;   strict  none of them opens it, not even for some; who needs no knock is in the trusted list
;   normal  those in front of knockctl's rules decide first
gate           = ${gate}
`;
}

function doors(answers: Answers, client: string): string {
  const { service, sequence } = answers;
  return `# The doors of knockctl, in the grammar of knockd.conf. From your own machine:
#   ${client}
# Keep this file to root: who knows the sequence can knock.

[${doorOf(answers)}]
    sequence    = ${sequence.join(',')}
    seq_timeout = 10
    tcpflags    = syn,!ack
    command     = knockctl accept %IP%${service === 'ssh' ? '' : ` --service ${service}`}
`;
}

function trusted({ trusted: list }: Answers): string {
  return [
    '# Who gets in without a knock: one address, network or host name a line; what follows it is a comment.',
    ...(list.length === 0 ? ['# 192.0.2.10   the office'] : list),
    '',
  ].join('\n');
}
