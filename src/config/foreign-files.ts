import { splitLines, trim } from './lines.js';

/** Configurations of other programs, recognised by their words: a knockd.conf with so many faults is none. Pure. */

interface Foreign {
  /** What the file is, after "this is". */
  readonly name: string;
  readonly advice: string;
  /** Each must match some line; comments are left out. */
  readonly signs: readonly RegExp[];
}

const FOREIGN: readonly Foreign[] = [
  {
    name: "fwknop's access.conf",
    advice:
      'knockctl takes no signed packets of fwknop: write a door for each OPEN_PORTS, and FW_ACCESS_TIMEOUT as --timeout of knockctl accept %IP%',
    signs: [
      /^SOURCES?[\s:]+\S/,
      /^(?:OPEN_PORTS|KEY|KEY_BASE64|HMAC_KEY|HMAC_KEY_BASE64|GPG_\w+|REQUIRE_\w+|RESTRICT_PORTS|FW_ACCESS_TIMEOUT|CMD_CYCLE_\w+|FORCE_\w+|ENABLE_CMD_EXEC|DATA_COLLECT_MODE)[\s:]+\S/,
    ],
  },
  {
    name: "fwknop's fwknopd.conf",
    advice: 'knockctl has its own settings, in knockctl.conf (knockctl init writes one)',
    signs: [
      /^(?:PCAP_INTF|ENABLE_IPT_FORWARDING|PCAP_FILTER|FIREWALL_EXE|IPT_INPUT_ACCESS|ENABLE_SPA_PACKET_AGING)\s+\S/,
    ],
  },
  {
    name: "fwknop's .fwknoprc, of its client",
    advice: 'the client of knockctl is knock, which is told the ports: knock HOST PORT…',
    signs: [/^SPA_SERVER\s+\S/],
  },
  {
    name: "letmein's letmeind.conf",
    advice:
      'knockctl takes no signed knocks of letmein: write a door for each port of [RESOURCES], with a sequence of its own and knockctl accept %IP%',
    signs: [/^\[KEYS\]$/, /^(?:\[(?:RESOURCES|NFTABLES|GENERAL)\]|[0-9A-Fa-f]{8}\s*=)/],
  },
  {
    name: "letmein's letmein.conf, of its client",
    advice: 'the client of knockctl is knock, which is told the ports: knock HOST PORT…',
    signs: [/^\[SERVER:.+\]$/],
  },
  {
    name: "knockctl's own knockctl.conf",
    advice: 'doors go into knockd.conf (doors in [paths] says where); knockctl -c FILE is for this one',
    signs: [/^\[(?:service\.[\w-]+|failsafe|firewall)\]$/, /^[a-z_]+\s*=/],
  },
  {
    name: 'the default file of an init script (KNOCKD_OPTS)',
    advice: 'knockctl import /etc/knockd.conf reads it as well, where it is /etc/default/knockd',
    signs: [/^(?:export\s+)?(?:KNOCKD_OPTS|START_KNOCKD)=/],
  },
];

/** What the text is, and what to do, if it is the configuration of another program; with the first line that shows it. */
export function foreignFile(text: string): { readonly line: number; readonly message: string } | undefined {
  const lines = splitLines(text, () => undefined)
    .map(({ number, text: raw }) => ({ number, text: trim(raw) }))
    .filter(({ text: line }) => line !== '' && !/^[#;]/.test(line));
  for (const { name, advice, signs } of FOREIGN) {
    const found = signs.map((sign) => lines.find(({ text: line }) => sign.test(line)));
    const [first] = found;
    if (first === undefined || found.includes(undefined)) continue;
    return { line: first.number, message: `this is ${name}, and no knockd.conf: ${advice}` };
  }
  return undefined;
}
