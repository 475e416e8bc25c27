/** Set-ups as administrators published them: what check and import make of each. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { ConfigError } from '../../src/base/errors.js';
import { expandCommand } from '../../src/config/knockd/commands.js';
import type { ImportPlan } from '../../src/config/import/plan.js';
import { parseKnockdConf } from '../../src/config/knockd/knockd-conf.js';
import { loadConfig } from '../../src/config/load.js';
import { pitfalls } from '../../src/config/pitfalls/pitfalls.js';
import type { DoorSettings } from '../../src/config/settings.js';
import { shellArgv } from '../../src/runtime/doors/shell-child.js';
import { TempFolder } from '../helpers/temp.js';
import { commands, conf, lookUp, plan } from './import/support.js';

const FOLDER = new URL('../../../test/fixtures/public-configs/', import.meta.url);
const DOORS = '/etc/knockctl/knockd.conf';

function textOf(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}

const FILES = readdirSync(FOLDER).sort();

function check(name: string): readonly string[] {
  const text = textOf(name);
  const config = loadConfig({}, (path) =>
    path === DOORS ? text : path === '/var/www/html/onetime.txt' ? '1,2,3\n' : undefined,
  );
  const facts = {
    ...{ listening: [], addresses: [], portNames: lookUp, hasUser: () => true, hasFolder: () => true },
    program: (program: string) => (program.includes('pfctl') ? ('absent' as const) : ('there' as const)),
  };
  return [...config.warnings, ...pitfalls(config, facts)];
}

/** What check says of a file, beside what it says of most. */
const SAID: Readonly<Record<string, readonly RegExp[]>> = {
  '03-firewalld-nested-quotes.conf': [/stays open until door CloseSSH/],
  '05-same-sequence-opens-and-closes.conf': [
    /for everybody/,
    /stays open until door closeSSH/,
    /door closeSSH: has the sequence of door openSSH/,
  ],
  '09-ack-door.conf': [/each packet to tcp port 25565 is a knock.*seq_cooldown/],
  '22-check-then-insert.conf': [/stays open until door closeSSH/],
  '23-delete-the-drop.conf': [/port 22 for everybody/, /stays open for good/],
  '24-pf-table.conf': [/openSSH: there is no program \/sbin\/pfctl/, /closeSSH: there is no program/],
  '27-open-vpn-for-everybody.conf': [/udp port 51820 for everybody/, /stays open for good/],
};
const REFUSED: Readonly<Record<string, RegExp>> = {
  '25-empty-interface.conf': /:3: config: line 3: interface: "\\"\\""/,
  '31-fwknop-access-nft.conf': /:2: this is fwknop's access\.conf/,
};

describe('check', () => {
  it('takes all but two, which are none of knockd’s either', () => {
    const refused: string[] = [];
    for (const name of FILES) {
      try {
        check(name);
      } catch (error) {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, REFUSED[name] ?? /^$/, name);
        refused.push(name);
      }
    }
    assert.equal(FILES.length, 26);
    assert.deepEqual(refused, Object.keys(REFUSED));
  });

  for (const name of FILES.filter((file) => REFUSED[file] === undefined)) {
    it(`${name}: its remarks, and no other`, () => {
      const said = check(name);
      const expected = SAID[name] ?? [];
      assert.equal(said.length, expected.length, said.join('\n'));
      for (const [index, pattern] of expected.entries()) assert.match(said[index] ?? '', pattern);
    });
  }
});

/** The start commands that each file has after import, and its services; those that are not here keep all their lines. */
const IMPORTED: Readonly<Record<string, readonly [commands: readonly string[], services: readonly string[]]>> = {
  '01-nft-element-timeout.conf': [
    ['knockctl accept %IP% --timeout 60', 'knockctl accept %IP% --timeout 3600', 'knockctl flush %IP%'],
    ['ssh tcp 22 INPUT'],
  ],
  '02-firewalld-rich-rule-timeout.conf': [['knockctl accept %IP% --timeout 60', 'knockctl flush %IP%'], ['ssh tcp 22 INPUT']],
  '03-firewalld-nested-quotes.conf': [['knockctl accept %IP% --timeout 300', 'knockctl flush %IP%'], ['ssh tcp 22 INPUT']],
  '04-ufw-insert.conf': [['knockctl accept %IP% --timeout 30'], ['ssh tcp 22 INPUT']],
  '05-same-sequence-opens-and-closes.conf': [
    ['knockctl accept %IP% --timeout 300 --service port-2222', 'knockctl flush %IP%'],
    ['port-2222 tcp 2222 INPUT'],
  ],
  '14-one-time-from-web-root.conf': [['knockctl accept %IP% --timeout 5'], ['ssh tcp 22 INPUT']],
  '19-ipset-quiet-add.conf': [['knockctl accept %IP% --timeout 3600'], ['ssh tcp 22 INPUT']],
  '20-two-families.conf': [['knockctl accept %IP% --timeout 10'], ['ssh tcp 22 INPUT']],
  '21-service-name-and-states.conf': [['knockctl accept %IP% --timeout 20'], ['ssh tcp 22 INPUT']],
  '22-check-then-insert.conf': [['knockctl accept %IP% --timeout 300', 'knockctl flush %IP%'], ['ssh tcp 22 INPUT']],
  '23-delete-the-drop.conf': [['knockctl accept %IP% --timeout 300'], ['ssh tcp 22 INPUT']],
  '27-open-vpn-for-everybody.conf': [
    ['knockctl accept %IP% --timeout 300 --service port-51820-udp'],
    ['port-51820-udp udp 51820 INPUT'],
  ],
  '30-log-to-stdout-multiport-dport.conf': [['knockctl accept %IP% --timeout 30 --service ports-22'], ['ports-22 tcp 22,443 INPUT']],
}; // prettier-ignore

/** Why a line stays, by the file. */
const LEFT: Readonly<Record<string, RegExp>> = {
  '06-cloud-security-group.conf': /names no protocol with its ports/,
  '07-game-server-autopause.conf': /"autopause" is not iptables.*have it run knockctl accept/,
  '08-same-udp-port-twice.conf': /is not told who knocked/,
  '09-ack-door.conf': /is not told who knocked/,
  '10-key-part-by-netcat.conf': /reads a file/,
  '11-systemctl-start-sshd.conf': /starts or stops a program/,
  '12-section-names-with-blanks.conf': /is not told who knocked/,
  '15-emergency-revoke.conf': /is not told who knocked|have it run knockctl accept/,
  '16-trailing-shell-comment.conf': /interface eth1 only \(-i eth1\)/,
  '17-own-chain-multiport.conf': /every interface but lan0 \(! -i lan0\)/,
  '24-pf-table.conf': /packet filter of BSD/,
};

function reasons({ notes }: ImportPlan): readonly string[] {
  return notes.filter(({ kind }) => kind === 'left').map(({ text }) => text);
}

describe('import', () => {
  for (const [name, [expected, services]] of Object.entries(IMPORTED)) {
    it(`${name}: doors that close by themselves`, () => {
      const planned = plan(textOf(name));
      assert.deepEqual(
        commands(planned),
        expected.map((command) => [command]),
      );
      assert.deepEqual(conf(planned).services, services);
      assert.deepEqual(reasons(planned), []);
    });
  }

  it('turns 15 opening commands into verbs with an end', () => {
    const ends = Object.keys(IMPORTED).flatMap(
      (name) => plan(textOf(name)).knockdConf.match(/^\s*\w+\s*= knockctl accept .*--timeout [1-9]/gm) ?? [],
    );
    assert.equal(ends.length, 15);
  });

  for (const [name, reason] of Object.entries(LEFT)) {
    it(`${name}: stays, with the reason`, () => {
      const planned = plan(textOf(name));
      const told = reasons(planned);
      assert.ok(told.length > 0);
      for (const one of told) assert.match(one, reason);
      assert.deepEqual(conf(planned).services, []);
    });
  }

  it('every file is in one of the lists', () => {
    assert.deepEqual([...Object.keys(IMPORTED), ...Object.keys(LEFT), ...Object.keys(REFUSED)].sort(), FILES);
  });
});

describe('lines that stay with the shell', () => {
  /** Prints each argument in a line of its own. */
  const PRINTER = '#!/bin/sh\nfor word in "$0" "$@"; do printf "<%s>\\n" "$word"; done\n';

  it('stay byte for byte, but for the address', () => {
    let told = 0;
    for (const name of FILES.filter((file) => REFUSED[file] === undefined)) {
      const before = parseKnockdConf(textOf(name), name).doors;
      const after = parseKnockdConf(plan(textOf(name)).knockdConf, name).doors;
      for (const [index, door] of before.entries()) {
        for (const line of linesOf(door)) {
          assert.ok(textOf(name).includes(`= ${line}`), line);
          assert.equal(expandCommand(line, '192.0.2.7'), line.split('%IP%').join('192.0.2.7'));
          if (LEFT[name] !== undefined) assert.ok(linesOf(after[index]).includes(line), `${name}: ${line}`);
          told += 1;
        }
      }
    }
    assert.ok(told > 40, `only ${told} lines`);
  });

  it('quotes and braces come out as the author meant', () => {
    using folder = new TempFolder();
    const printer = folder.file('printer');
    writeFileSync(printer, PRINTER, { mode: 0o755 });
    const wordsOf = (name: string, door: number): readonly string[] => {
      const line = parseKnockdConf(textOf(name), name).doors[door]?.actions[4].start?.line ?? '';
      const standIn = line.replace(/^\S+/, printer);
      const [shell = '', ...words] = shellArgv(expandCommand(standIn, '192.0.2.7'));
      const { stdout } = spawnSync(shell, words, { encoding: 'utf8' });
      return [...stdout.matchAll(/^<(.*)>$/gm)].map(([, word = '']) => word).slice(1);
    };
    assert.deepEqual(wordsOf('01-nft-element-timeout.conf', 0), ['add', 'element', 'inet', 'gateway', 'emergency_ssh', '{', '192.0.2.7', 'timeout', '60s', '}']);
    assert.deepEqual(wordsOf('02-firewalld-rich-rule-timeout.conf', 0), ['--zone=public', '--add-rich-rule=rule family="ipv4" source address="192.0.2.7" port port="22" protocol="tcp" accept', '--timeout=60']);
    assert.deepEqual(wordsOf('03-firewalld-nested-quotes.conf', 0), ['--zone=internal', '--add-rich-rule=rule family=ipv4 source address=192.0.2.7 service name=ssh accept']);
    assert.deepEqual(wordsOf('07-game-server-autopause.conf', 0), ['resume', 'LOGIN from 192.0.2.7']);
    assert.equal(wordsOf('16-trailing-shell-comment.conf', 0).at(-1), 'ACCEPT');
    assert.equal(wordsOf('17-own-chain-multiport.conf', 0).at(-3), 'KNOCK_admin:: for admins');
  });
}); // prettier-ignore

function linesOf(door: DoorSettings | undefined): readonly string[] {
  const lines = Object.values(door?.actions ?? {}).flatMap(({ start, stop }) => [start?.line, stop?.line]);
  return [...new Set(lines.filter((line) => line !== undefined))];
}
