/**
 * Log readers that people have written for knockd find the same in our log: filters as fail2ban takes them, and the
 * expressions of scripts and monitors (forms found in public repositories, written anew).
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { createHost, install, WAYS } from './host.js';

const DOORS = `[openSSH]
sequence = 7000,8000,9000
seq_timeout = 3
tcpflags = syn
start_command = /bin/true iptables -I INPUT -s %IP% -j ACCEPT
cmd_timeout = 1
stop_command = /bin/true iptables -D INPUT -s %IP% -j ACCEPT
[closeSSH]
sequence = 9000,8000,7000
seq_timeout = 3
tcpflags = syn
command = exit 7
`;

/** What fail2ban puts in place of its tag, but for host names. */
const HOST = '\\[?(?<host>(?:\\d{1,3}\\.){3}\\d{1,3}|[0-9a-fA-F]*:[0-9a-fA-F:]+)\\]?';

/** For a line without time stamp and tag, as fail2ban sees it behind its date pattern. `host`, or `found`, is what it finds. */
const FILTERS: readonly string[] = [
  '^\\s*<HOST>: .*: sequence timeout \\(stage \\d+\\)\\s*$',
  '^\\s*<HOST>: openSSH: OPEN SESAME$',
  '^\\s*<HOST>: \\S+: Stage \\d+$',
  '^\\s*<HOST>: (?:openSSH|closeSSH): Stage 1$',
  '<HOST>: .+: (?:command|sequence) timeout',
  '^\\s*<HOST>(?: \\([^)]*\\))?: (?<found>[^:]+: .+)$',
  '^\\s*(?<found>[^:]+): running command: .*iptables -I .*-s <HOST> ',
  '^\\s*(?<found>[^:]+): running command: .+$',
  '^\\s*(?<found>[^:]+): command returned non-zero status code \\(\\d+\\)$',
  '^\\s*(?<found>starting up, listening on \\S+|shutting down)$',
];

/** For whole lines of the log file. */
const READERS: readonly string[] = [
  '^\\[(?<time>\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d)\\] <HOST>: \\S+: (?<found>Stage [123]$|OPEN SESAME)',
  '^\\S+ \\S+ (?<found>\\S+): \\S+ OPEN SESAME$',
  '^\\[.+\\] (?<found>.*OPEN SESAME.*)$',
  '\\] (?<found>.*sequence timeout.*)$',
  '^\\[.*\\] <HOST>: (?<found>\\w+): ',
  '(?<found>\\w+): running command: (?:.*)',
];

/** What a reader finds in the lines: one text for each that matches. */
function find(reader: string, lines: readonly string[]): string[] {
  const pattern = new RegExp(reader.replace('<HOST>', HOST));
  return lines.flatMap((line) => {
    const groups = pattern.exec(line)?.groups;
    return groups === undefined ? [] : [`${groups['host'] ?? ''} ${groups['found'] ?? ''}`];
  });
}

const withoutStamp = (line: string): string => line.replace(/^\[\d{4}-\d\d-\d\d \d\d:\d\d\]/, '');

test('readers of the log of knockd find the same in ours, in the file and behind the tag of syslog', async () => {
  const [way] = WAYS;
  await using host = await createHost(way);
  const { lab } = host;
  const theirs = `${lab.dir}/theirs.log`;
  const options = (log: string): string => `[options]\nlogfile = ${log}\ninterface = eth0\n`;
  writeFileSync(`${lab.dir}/theirs.conf`, options(theirs) + DOORS);
  const knockd = lab.spawn('server', ['/usr/sbin/knockd', '-c', `${lab.dir}/theirs.conf`]);
  install(host, way, `${options('/var/log/knockd.log')}UseSyslog\n${DOORS}`);
  await host.must('start');
  const ours = (): string => host.read('/var/log/knockd.log');
  const both = async (text: string, times: number): Promise<void> => {
    const count = (log: string): number => log.split(text).length - 1;
    const said = (): boolean => count(ours()) >= times && count(readFileSync(theirs, 'utf8')) >= times;
    await lab.waitFor(said, `${times} × ${text} in both logs`);
  };
  await both('starting up', 1);
  const { 4: server, 6: server6 } = ADDRESS.server;
  await lab.knock('client', server, [7000, 8000, 9000]);
  await both('command timeout', 1);
  await lab.knock('client', server6, [7000, 8000, 9000]);
  await both('command timeout', 2);
  await lab.knock('client', server, [9000, 8000, 7000]);
  await both('non-zero', 1);
  await lab.knock('client', server6, [7000, 8000]);
  // Ours with the first beat after its three seconds.
  await lab.waitFor(() => ours().includes('sequence timeout'), 'our time-out');
  // knockd notices it with the next packet.
  await lab.knock('client', server6, [8000]);
  await both('sequence timeout', 1);
  await host.must('stop');
  await knockd.kill('SIGTERM');

  const [file, other] = [ours(), readFileSync(theirs, 'utf8')].map((log) => log.split('\n')) as [
    string[],
    string[],
  ];
  const syslog = host.syslog.split('\n').flatMap((line) => / knockctl\[\d+\]: (.*)$/.exec(line)?.[1] ?? []);
  for (const reader of FILTERS) {
    const expected = find(reader, other.map(withoutStamp));
    assert.ok(expected.length > 0, `${reader} finds nothing at all`);
    assert.deepEqual(find(reader, file.map(withoutStamp)), expected, reader);
    assert.deepEqual(find(reader, syslog), expected, `${reader}, in the syslog`);
  }
  for (const reader of READERS) {
    const expected = find(reader, other);
    assert.ok(expected.length > 0, `${reader} finds nothing at all`);
    assert.deepEqual(find(reader, file), expected, reader);
  }
});
