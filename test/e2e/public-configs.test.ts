/** Set-ups as they are found in public, on a real kernel: imported, a knock opens and the time closes; left, the line reaches the shell. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { readIfExists } from '../../src/system/files.js';
import { ADDRESS, type Place } from '../helpers/lab.js';
import { createHost, WAYS, type Host } from './host.js';

const SERVER = ADDRESS.server[4];

function published(name: string): string {
  const text = readFileSync(
    new URL(`../../../test/fixtures/public-configs/${name}`, import.meta.url),
    'utf8',
  );
  // Interfaces and logs of other machines.
  return text.replaceAll(/^\s*(?:interface|logfile)\s*=.*\n/gim, '');
}

interface SetUp {
  readonly name: string;
  readonly port: number;
  readonly open: readonly number[];
  /** What is shortened in the copy. */
  readonly shorter: readonly [from: RegExp, to: string];
}

const SECONDS = 4;
const SET_UPS: readonly SetUp[] = [
  { name: '01-nft-element-timeout.conf', port: 22, open: [41000, 42000, 43000], shorter: [/timeout 60s/, 'timeout 4s'] },
  { name: '02-firewalld-rich-rule-timeout.conf', port: 22, open: [21001, 31001, 41001], shorter: [/--timeout=60/, '--timeout=4'] },
  { name: '04-ufw-insert.conf', port: 22, open: [15001, 25002, 35003], shorter: [/cmd_timeout {3}= 30/, 'cmd_timeout = 4'] },
  { name: '05-same-sequence-opens-and-closes.conf', port: 22, open: [11111, 22222, 33333], shorter: [/\[closeSSH\][^]*/, ''] },
  { name: '19-ipset-quiet-add.conf', port: 22, open: [15922, 15922, 15922, 32022], shorter: [/timeout 3600/, 'timeout 4'] },
  { name: '30-log-to-stdout-multiport-dport.conf', port: 21, open: [26000, 27000, 28000], shorter: [/cmd_timeout = 30/, 'cmd_timeout = 4'] },
]; // prettier-ignore

async function opensAndCloses(host: Host, { name, port, open, shorter }: SetUp): Promise<void> {
  const { lab } = host;
  const text = published(name)
    .replace(...shorter)
    .replaceAll('2222/tcp', '22/tcp')
    .replaceAll('22,443', '21,22');
  host.write('/etc/knockd.conf', text);
  await host.must('import', '/etc/knockd.conf', '--write', '/etc/knockctl');
  const written = host.read('/etc/knockctl/knockd.conf');
  assert.match(written, /= knockctl accept %IP% --timeout (?:4|300)/, name);
  host.write('/etc/knockctl/knockd.conf', written.replace('--timeout 300', `--timeout ${SECONDS}`));
  assert.match(await host.must('check'), /knockctl\.conf: good\n/);
  await host.must('start');
  const gets = async (from: Place): Promise<boolean> => lab.canConnect(from, SERVER, port, 400);
  assert.equal(await gets('client'), false, name);
  await lab.knock('client', SERVER, open);
  await lab.waitFor(async () => gets('client'), `${name}: open`);
  assert.equal(await gets('client2'), false, 'for the knocker only');
  await lab.waitFor(async () => !(await gets('client')), `${name}: shut by the time`);
  await host.must('stop');
}

describe('public set-ups, imported', { concurrency: 2 }, () => {
  for (const [index, setUp] of SET_UPS.entries()) {
    const way = WAYS[index % WAYS.length] ?? WAYS[0];
    test(`${setUp.name} (${way.backend}): a knock opens for the knocker, the time-out shuts`, async () => {
      await using host = await createHost(way);
      await opensAndCloses(host, setUp);
    });
  }
});

/** Prints its arguments, each in a line, to a file. */
const printer = (to: string): string =>
  `#!/bin/sh\nfor word in "$@"; do printf '<%s>\\n' "$word" >>${to}; done\n`;

describe('public set-ups, as they stand', { concurrency: 2 }, () => {
  const lines: readonly (readonly [name: string, program: string, knock: readonly (number | string)[], words: readonly string[]])[] = [
    ['07-game-server-autopause.conf', 'autopause', ['8211:udp'], ['resume', 'LOGIN from CLIENT']],
    ['03-firewalld-nested-quotes.conf', '/bin/firewall-cmd', [1101, 2202, 3303], ['--zone=internal', '--add-rich-rule=rule family=ipv4 source address=CLIENT service name=ssh accept']],
    ['16-trailing-shell-comment.conf', '/sbin/iptables', [12000, 23000, 34000], '-I INPUT 1 -i eth1 -s CLIENT -p tcp --dport 22 -j ACCEPT'.split(' ')],
    ['01-nft-element-timeout.conf', '/usr/sbin/nft', [41000, 42000, 43000], 'add element inet gateway emergency_ssh { CLIENT timeout 60s }'.split(' ')],
  ]; // prettier-ignore
  for (const [name, program, knock, words] of lines) {
    test(`${name}: the shell gets the line byte for byte`, async () => {
      await using host = await createHost(WAYS[0]);
      const { lab } = host;
      const [file, out] = [`${lab.dir}/printer`, `${lab.dir}/told`];
      writeFileSync(file, printer(out));
      chmodSync(file, 0o755);
      host.write('/etc/knockd.conf', published(name).replaceAll(program, file));
      await host.must('start');
      await lab.knock('client', SERVER, knock);
      const expected = words.map((word) => `<${word.replace('CLIENT', ADDRESS.client[4])}>\n`).join('');
      await lab.waitFor(() => (readIfExists(out) ?? '').length >= expected.length, `${name}: the line`);
      assert.equal(readIfExists(out), expected);
      // seq_cooldown: the next packets are nothing.
      if (name.startsWith('07')) {
        for (let nth = 0; nth < 5; nth += 1) await lab.knock('client', SERVER, knock);
        await new Promise((resolve) => setTimeout(resolve, 500));
        assert.equal(readIfExists(out), expected);
      }
      await host.must('stop');
    });
  }

  test('a door whose name has blanks: entries, status, events, metrics of it have the name', async () => {
    await using host = await createHost(WAYS[0]);
    const { lab } = host;
    const doors =
      '[Open my "door" %IP% ; #1]\nsequence = 7001,7002\ntcpflags = syn,!ack\ncommand = knockctl accept %IP%\n[Close PC]\nsequence = 7003,7004\ncommand = echo %IP% >/run/closed\n';
    host.write('/etc/knockctl/knockd.conf', doors);
    await host.must('start');
    await lab.knock('client', SERVER, [7001, 7002]);
    await lab.waitFor(async () => lab.canConnect('client', SERVER, 22, 400), 'open');
    await lab.knock('client', SERVER, [7003, 7004]);
    const name = 'Open my "door" %IP% ; #1';
    await lab.waitFor(async () => (await host.must('events')).includes(`${name}: OPEN SESAME`), 'the event');
    const events = JSON.parse(`[${(await host.must('events', '--json')).trim().replaceAll('\n', ',')}]`) as unknown;
    assert.ok(JSON.stringify(events).includes(JSON.stringify(`${ADDRESS.client[4]}: ${name}: OPEN SESAME`).slice(1, -1)));
    const status = JSON.parse(await host.must('status', '--json')) as { readonly doors: readonly { readonly name: string; readonly kernel: readonly number[] }[] };
    assert.deepEqual(status.doors.map((door) => [door.name, door.kernel]), [[name, [4, 6]], ['Close PC', []]]);
    // A comment of ipset takes no quotes.
    assert.match(await host.must("list"), /Open my _door_ %IP% ; #1/);
    await lab.waitFor(() => {
      try {
        return host.read('/run/closed') === `${ADDRESS.client[4]}\n`;
      } catch {
        return false;
      }
    }, 'the line of the other door');
    await host.must('stop');
  });
}); // prettier-ignore
