/** Each remark of check, by a configuration that has what it is about and one that has not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ConfigError } from '../../src/base/errors.js';
import { loadConfig } from '../../src/config/load.js';
import { pitfalls } from '../../src/config/pitfalls/pitfalls.js';
import { UntrustedFile } from '../../src/system/strict-file.js';
import { writeUp } from '../../src/ctl/setup/init/files.js';
import { ACCEPT, CASES, door, FACTS, remarks } from './pitfalls-cases.js';
import { readSeed, type Seed } from './seeds.js';

describe('check says what will go wrong', () => {
  for (const { what, wrong, says, right, facts = {} } of CASES) {
    it(what, () => {
      assert.match(remarks(wrong, facts), says);
      for (const texts of right) assert.doesNotMatch(remarks(texts, facts), says, JSON.stringify(texts));
    });
  }

  it('a one-time file that others can write is a fault', () => {
    const doors = door(ACCEPT).replace(/sequence = .*/, 'one_time_sequences = /once');
    const weakness = { text: 'it is owned by www-data', fix: 'chown root /once' };
    const readText = (path: string): string | undefined => {
      if (path === '/once') throw new UntrustedFile(path, weakness, '1,2,3\n');
      return path === '/etc/knockctl/knockd.conf' ? doors : undefined;
    };
    assert.throws(
      () => loadConfig({}, readText),
      (error) =>
        error instanceof ConfigError &&
        error.message.includes('/once: cannot be trusted: it is owned by www-data'),
    );
  });
});

describe('a service that nobody can get into', () => {
  const HOLD = '[service.ssh]\non_failure = hold\n';
  const load = (
    conf: string,
    doors: string,
    lockouts: 'refuse' | 'tell',
    trusted = '',
  ): readonly string[] => {
    const texts: Readonly<Record<string, string>> = {
      '/c': `[paths]\ndoors = /d\ntrusted = /t\n${conf}`,
      '/d': doors,
      '/t': trusted,
    };
    return loadConfig({ file: '/c' }, (path) => texts[path], { inForce: false, lockouts }).warnings;
  };

  it('is refused by hand, with file and line, and told at a boot', () => {
    for (const doors of [
      '',
      door('knockctl drop %IP%'),
      door(`${ACCEPT} --service web`),
      door(ACCEPT, 'seq_timeout = 0\n'),
    ]) {
      const conf = `${HOLD}[service.web]\nports = 80\n`;
      assert.throws(
        () => load(conf, doors, 'refuse'),
        (error) =>
          error instanceof ConfigError &&
          error.exitCode === 78 &&
          /^\/c:5: nobody can get into service ssh: .*allow_lockout = yes/.test(error.message),
        doors,
      );
      assert.match(load(conf, doors, 'tell').join('\n'), /^\/c:5: nobody can get into service ssh/m);
    }
  });

  it('not where somebody may, where on_failure opens it, or where it is meant', () => {
    for (const [conf, doors, trusted] of [
      [HOLD, door(ACCEPT), ''],
      [HOLD, door('knockctl trust %IP%'), ''],
      [HOLD, door('/root/open.sh %IP%'), ''],
      [HOLD, '', '192.0.2.9\n'],
      ['[service.ssh]\n', '', ''],
      [`${HOLD}allow_lockout = yes\n`, '', ''],
      [`${HOLD}[failsafe]\nallow_lockout = yes\n`, '', ''],
    ] as const) {
      assert.doesNotMatch(load(conf, doors, 'refuse', trusted).join('\n'), /nobody can get/);
    }
    assert.throws(
      () => load(`${HOLD}allow_lockout = no\n[failsafe]\nallow_lockout = yes\n`, '', 'refuse'),
      ConfigError,
    );
  });
});

/** What is said of the published configurations: remarks, and all of them true. */
const SEED_REMARKS: Readonly<Partial<Record<Seed, readonly RegExp[]>>> = {
  'debian-default.knockd.conf': [
    /:3: door openSSH: what it opens stays open until door closeSSH is knocked at/,
    /:3: door openSSH: 7000,8000,9000 is a sequence of knockd's own examples/,
    /:8: door closeSSH: 9000,8000,7000 is a sequence of knockd's own examples/,
  ],
  'home-ftp.knockd.conf': [
    /:3: door openFTPControl: what it opens stays open until door closeFTPControl is knocked at/,
  ],
  'home-ssh-udp.knockd.conf': [],
  'mixed-proto.knockd.conf': [
    /:4: door opencloseSSH: 2222:udp,3333,4444:udp is a sequence of knockd's own examples/,
  ],
  'nantes.knockd.conf': [],
  'open-close.knockd.conf': [/:4: door openSSH: what it opens stays open until door closeSSH is knocked at/],
};

describe('no false remark', () => {
  for (const [seed, expected] of Object.entries(SEED_REMARKS)) {
    it(`on ${seed}`, () => {
      const said = remarks({ doors: readSeed(seed as Seed) })
        .split('\n')
        .filter((line) => line !== '');
      assert.equal(said.length, expected.length, said.join('\n'));
      for (const [index, pattern] of expected.entries()) assert.match(said[index] ?? '', pattern);
    });
  }

  it('on what init writes', () => {
    const answers = {
      service: 'ssh',
      port: 22,
      isSsh: true,
      sequence: [1500, 3000, 2000, 9000],
      host: 'h',
      trusted: [],
      onFailure: 'hold',
      gate: 'strict',
    } as const;
    const places = {
      conf: '/c',
      doors: '/d',
      trusted: '/t',
      paths: { run: '/r', state: '/s' },
      command: 'knockctl',
    };
    const files = writeUp(answers, places, 'knock h 1 2 3');
    const config = loadConfig({ file: '/c' }, (path) => files.get(path), {
      inForce: false,
      lockouts: 'refuse',
    });
    assert.deepEqual([...config.warnings, ...pitfalls(config, FACTS)], []);
  });
});
