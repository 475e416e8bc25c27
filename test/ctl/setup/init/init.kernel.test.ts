import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';

import { clientLine, randomSequence } from '../../../../src/ctl/setup/init/answers.js';
import { KNOCKCTL } from '../../../helpers/product.js';
import { TempFolder } from '../../../helpers/temp.js';

/** The test’s own session, if it has one, is nobody’s here. */
Reflect.deleteProperty(process.env, 'SSH_CONNECTION');

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(folder: TempFolder, words: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const argv = [KNOCKCTL, '-c', folder.file('knockctl.conf'), 'init', ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { code: status, out: stdout, err: stderr };
}

function init(folder: TempFolder, ...words: readonly string[]): Run {
  return run(folder, ['--yes', ...words]);
}

describe('knockctl init', () => {
  it('writes files that only root may read, that check finds good, and says the line for the client', () => {
    using folder = new TempFolder();
    const { code, out } = init(
      folder,
      '--sequence',
      '7000, 5000 9000',
      '--trust',
      '192.0.2.1',
      'home.example.org',
    );
    assert.equal(code, 0);
    assert.match(out, /^from your own machine: knock \S+ 7000 5000 9000 --then ssh \S+$/m);
    for (const name of ['knockctl.conf', 'knockd.conf', 'knockd.trusted'])
      assert.equal(statSync(folder.file(name)).mode & 0o777, 0o600, name);
    assert.match(readFileSync(folder.file('knockd.trusted'), 'utf8'), /^192\.0\.2\.1\nhome\.example\.org$/m);
    assert.match(
      readFileSync(folder.file('knockctl.conf'), 'utf8'),
      /^on_failure +=? ?= hold$|^on_failure += hold$/m,
    );
    const check = spawnSync(process.execPath, [KNOCKCTL, '-c', folder.file('knockctl.conf'), 'check'], {
      encoding: 'utf8',
    });
    assert.equal(check.status, 0, check.stderr);
    // A machine that tests run on has no user of ours.
    const warnings = check.stderr.replace(/^warning: .*there is no user _knockctl.*\n/m, '');
    assert.equal(warnings, '', 'without a warning');
    assert.match(check.stdout, /recognised in the kernel too/);
  });

  it('another service has its name in the door’s command', () => {
    using folder = new TempFolder();
    assert.equal(init(folder, '--port', '5432', '--service', 'db').code, 0);
    assert.match(
      readFileSync(folder.file('knockd.conf'), 'utf8'),
      /command += knockctl accept %IP% --service db$/m,
    );
    assert.match(readFileSync(folder.file('knockctl.conf'), 'utf8'), /^\[service\.db\]\nports +=? ?= 5432$/m);
  });

  it('replaces nothing without --force', () => {
    using folder = new TempFolder();
    assert.equal(init(folder).code, 0);
    const before = readFileSync(folder.file('knockd.conf'), 'utf8');
    const { code, err } = init(folder);
    assert.equal(code, 1);
    assert.match(
      err,
      /there is already .*knockctl\.conf and .*knockd\.conf and .*knockd\.trusted\n +nothing was changed/,
    );
    assert.equal(readFileSync(folder.file('knockd.conf'), 'utf8'), before);
    assert.equal(init(folder, '--force').code, 0);
    assert.notEqual(readFileSync(folder.file('knockd.conf'), 'utf8'), before, 'another random sequence');
    assert.equal(readFileSync(folder.file('knockd.conf.old'), 'utf8'), before);
  });

  it('a trusted list by itself is not replaced either; with --force a copy is kept', () => {
    using folder = new TempFolder();
    const list = folder.file('knockd.trusted');
    writeFileSync(list, '192.0.2.1 # the office\n', { mode: 0o644 });
    const { code, err } = init(folder);
    assert.equal(code, 1);
    assert.match(err, /there is already \S*knockd\.trusted\n/);
    assert.deepEqual(readdirSync(folder.path), ['knockd.trusted']);
    const forced = init(folder, '--force');
    assert.equal(forced.code, 0);
    assert.ok(forced.out.includes(`what was there before is in ${list}.old\n`), forced.out);
    assert.equal(readFileSync(`${list}.old`, 'utf8'), '192.0.2.1 # the office\n');
    for (const path of [list, `${list}.old`]) assert.equal(statSync(path).mode & 0o777, 0o600, path);
  });

  it('--force leaves the run and state folders where they are: what runs there must be found', () => {
    using folder = new TempFolder();
    const conf = folder.file('knockctl.conf');
    writeFileSync(
      conf,
      `[paths]\nrun = ${folder.file('other/run')}\nstate = ${folder.file('other/state')}\n`,
    );
    assert.equal(init(folder, '--force').code, 0);
    const text = readFileSync(conf, 'utf8');
    assert.ok(text.includes(`run     = ${folder.file('other/run')}\n`), text);
    assert.ok(text.includes(`state   = ${folder.file('other/state')}\n`), text);
  });

  it('without a terminal and without --yes nothing is written', () => {
    for (const words of [[], ['--json'], ['--port', '22', '--force']]) {
      using folder = new TempFolder();
      const { code, out, err } = run(folder, words);
      assert.equal(code, 64);
      assert.match(out + err, /answers are needed: a terminal \(ssh -t\), or --yes and flags/);
      assert.deepEqual(readdirSync(folder.path), []);
    }
  });

  it('with -c every line that is to be typed has it, and so have the files', () => {
    using folder = new TempFolder();
    const { out } = init(folder);
    const command = `knockctl -c ${folder.file('knockctl.conf')}`;
    assert.match(out, new RegExp(`next, .*: ${command} start --trial 300, then ${command} confirm\n`));
    const text = readFileSync(folder.file('knockctl.conf'), 'utf8');
    assert.ok(text.includes(`"${command} check"`) && text.includes(`"${command} reload --trial 60"`), text);
  });

  const SESSIONS: readonly (readonly [host: string, line: RegExp, note: RegExp | undefined])[] = [
    ['198.51.100.7 22', /: knock 198\.51\.100\.7 [\d ]+ --then ssh 198\.51\.100\.7$/m, undefined],
    ['2001:db8::7 2222', /: knock 2001:db8::7 [\d ]+ --then ssh -p 2222 2001:db8::7$/m, undefined],
    [
      '10.0.0.5 22',
      /: knock your\.server [\d ]+ --then ssh your\.server$/m,
      /came in at 10\.0\.0\.5, a private/,
    ],
    [
      'fe80::1%eth0 22',
      /: knock your\.server [\d ]+ --then/m,
      /^ +your\.server: the name or address by which/m,
    ],
    ['fd00::1 22', /: knock your\.server /m, /came in at fd00::1/],
  ];
  for (const [host, line, note] of SESSIONS) {
    it(`the line for the client of a session at ${host}`, () => {
      using folder = new TempFolder();
      const { out } = run(folder, ['--yes'], { SSH_CONNECTION: `203.0.113.9 50000 ${host}` });
      assert.match(out, line);
      if (note === undefined) assert.doesNotMatch(out, /your\.server/);
      else assert.match(out, note);
      assert.match(out, /your own address \(203\.0\.113\.9\) is let in for the trial in any case/);
    });
  }

  it('port 22 is ssh, though the session came in at another port', () => {
    using folder = new TempFolder();
    const env = { SSH_CONNECTION: '203.0.113.9 50000 198.51.100.7 2222' };
    const { out } = run(folder, ['--yes', '--port', '22', '--service', 'front'], env);
    assert.match(out, /knock 198\.51\.100\.7 [\d ]+ --then ssh 198\.51\.100\.7$/m);
    using other = new TempFolder();
    assert.doesNotMatch(run(other, ['--yes', '--port', '5432'], env).out, /--then/);
    assert.match(readFileSync(other.file('knockctl.conf'), 'utf8'), /^\[service\.port5432\]$/m);
  });

  it('warns of a sequence that a scan meets, and of ports that somebody listens at', async () => {
    for (const sequence of ['7001,7002,7003', '7003,7002,7001']) {
      using folder = new TempFolder();
      assert.match(init(folder, '--sequence', sequence).err, /a scan of all ports in order opens the door/);
    }
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const { port } = address;
    using folder = new TempFolder();
    const { code, err } = init(folder, '--sequence', `7003,${port},7001`);
    server.close();
    assert.equal(code, 0);
    assert.match(err, new RegExp(`somebody listens at ${port}:`));
    assert.doesNotMatch(err, /a scan/);
  });

  const WRONG: readonly (readonly [words: readonly string[], says: RegExp])[] = [
    [['--port', '0'], /"0" is not/],
    [['--port', '22,23'], /one port/],
    [['--service', 'a b'], /letters, digits/],
    [['--sequence', '1,2'], /three ports at least/],
    [['--sequence', '1,2,70000'], /70000 is invalid/],
    [['--sequence', '1,2,3:udp'], /TCP ports here/],
    [['--sequence', '7001,22,7000'], /22 is the hidden port itself/],
    [['--port', '7000', '--sequence', '7001,7000,7002'], /7000 is the hidden port itself/],
    [['--trust', '0.0.0.0/0'], /would trust everybody/],
    [['--trust', 'not_a_host!'], /not an address, a network or a host name/],
    [['--on-failure', 'panic'], /one of hold, restore, flush/],
  ];
  for (const [words, says] of WRONG) {
    it(`refuses ${words.join(' ')}, and writes nothing`, () => {
      using folder = new TempFolder();
      const { code, err } = init(folder, ...words);
      assert.equal(code, 64);
      assert.match(err, says);
      assert.deepEqual(readdirSync(folder.path), []);
    });
  }

  it('a sequence at random: four ports that nobody has, and that no scan up or down meets', () => {
    for (let round = 0; round < 2_000; round += 1) {
      const sequence = randomSequence((port) => port % 2 === 0);
      assert.equal(new Set(sequence).size, 4);
      assert.ok(
        sequence.every((port) => port >= 1_024 && port <= 32_767 && port % 2 === 1),
        String(sequence),
      );
      const sorted = [...sequence].sort((one, other) => one - other);
      assert.notDeepEqual(sequence, sorted);
      assert.notDeepEqual(sequence, sorted.reverse());
    }
  });

  it('the line for the client names another port of ssh', () => {
    const answers = {
      service: 'ssh',
      port: 2222,
      sequence: [3, 1, 2],
      trusted: [],
      onFailure: 'hold',
      isSsh: true,
      host: 'gate',
    } as const;
    assert.equal(clientLine(answers), 'knock gate 3 1 2 --then ssh -p 2222 gate');
  });
});
