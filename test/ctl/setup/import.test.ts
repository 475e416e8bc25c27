import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { ConfigError, KnockError } from '../../../src/base/errors.js';
import { loadConfig } from '../../../src/config/load.js';
import type { Context } from '../../../src/ctl/context.js';
import { importKnockd, type ImportOptions } from '../../../src/ctl/setup/import.js';
import { readIfExists } from '../../../src/system/files.js';
import { readSeed } from '../../config/seeds.js';
import { TempFolder } from '../../helpers/temp.js';

interface Call {
  readonly text: string;
  readonly options?: ImportOptions;
  readonly json?: boolean;
  readonly file?: string;
  /** What other files hold. */
  readonly others?: Readonly<Record<string, string>>;
}

interface Said {
  out: string;
  err: string;
}

function unused(): never {
  throw new Error('import needs no configuration of ours and no kernel');
}

/** Runs the command on a text; what is thrown goes through, `said` tells what was printed until then. */
function run(
  { text, options = {}, json = false, file = '/etc/knockd.conf', others = {} }: Call,
  said: Said,
): number {
  const output = {
    json,
    colour: false,
    out: (more: string) => {
      said.out += more;
    },
    err: (more: string) => {
      said.err += more;
    },
  };
  const context: Context = {
    output,
    file: undefined,
    session: undefined,
    sessionPort: undefined,
    sessionHost: undefined,
    examine: async () => Promise.resolve([]),
    provideSets: async () => Promise.resolve([]),
    letIn: async () => Promise.resolve(undefined),
    recognised: async () => Promise.resolve([]),
    exposures: async () => Promise.resolve([]),
    triedInVain: async () => Promise.resolve(undefined),
    paths: unused,
    config: unused,
    believed: unused,
    direct: unused,
    applyOnFailure: async () => Promise.resolve([]),
    readOptional: (path) => others[path],
    readInput: (path) => {
      assert.equal(path, file);
      return text;
    },
  };
  return importKnockd(context, file, options);
}

function said(call: Call): Said {
  const texts: Said = { out: '', err: '' };
  assert.equal(run(call, texts), 0);
  return texts;
}

const SEED = readSeed('home-ssh-udp.knockd.conf');

describe('knockctl import', () => {
  it('prints what it understood, line by line, and both files', () => {
    const { out, err } = said({ text: SEED });
    assert.match(out, /^line 2 {4}understood {2}UseSyslog: stays/);
    assert.match(out, /\nline 7 {4}understood {2}knockctl accept %IP% --timeout 300: opens tcp port 22/);
    assert.match(out, /\n {10}advice {6}stop knockd/);
    assert.match(
      out,
      /----- knockctl\.conf -----\n; Written[^]*\[service\.ssh\]\nprotocol = tcp\nports {4}= 22\n/,
    );
    assert.match(out, /----- knockd\.conf -----\n\[options\]\nUseSyslog\n[^]*# stop_command = .*\n+$/);
    assert.match(err, /^nothing was written/);
  });

  it('advice is wrapped, and said once: not with what is written', () => {
    const { out } = said({ text: SEED });
    const advice = out.slice(out.indexOf('advice'), out.indexOf('-----'));
    assert.ok(advice.length > 500);
    for (const line of advice.split('\n')) assert.ok(line.length <= 80, line);
    using folder = new TempFolder();
    const written = said({ text: SEED, options: { write: folder.file('k') } }).out;
    assert.doesNotMatch(written, /advice/);
    assert.match(
      written,
      /\nnext: knockctl .*check, then stop knockd \(systemctl disable --now knockd\), then knockctl .* start --trial 300, knock, and knockctl .* confirm\n/,
    );
  });

  it('KNOCKD_OPTS of the knockd that has the file is taken over', () => {
    const others = {
      '/etc/default/knockd': '#KNOCKD_OPTS="-i eth9"\nSTART_KNOCKD=1\nKNOCKD_OPTS="-i eth1 -l -4"\n',
    };
    const { out } = said({ text: SEED, others });
    assert.match(out, /KNOCKD_OPTS in \/etc\/default\/knockd \(-i eth1 -l -4\):/);
    assert.match(out, /\[listener\]\ninterface = eth1\nfamilies = ipv4\n\n\[log\]\nlookup = yes\n/);
    assert.doesNotMatch(out, /eth0 only/);
    assert.doesNotMatch(said({ text: SEED, others, file: '/tmp/other.conf' }).out, /eth1/);
    const named = { '/etc/sysconfig/knockd': 'OPTIONS="-c /srv/knockd.conf -g /var/log/k.log"\n' };
    assert.match(
      said({ text: SEED, others: named, file: '/srv/knockd.conf' }).out,
      /\[log\]\nfile = \/var\/log\/k\.log\n/,
    );
    const none = { '/etc/default/knockd': 'KNOCKD_OPTS="$(cat /x)"\n' };
    assert.doesNotMatch(said({ text: SEED, others: none }).out, /KNOCKD_OPTS/);
  });

  it('--json: one document with all of it', () => {
    const { out, err } = said({ text: SEED, json: true });
    const document: unknown = JSON.parse(out);
    assert.ok(typeof document === 'object' && document !== null);
    assert.deepEqual(Object.keys(document), ['knockctlConf', 'knockdConf', 'notes', 'written']);
    assert.ok('written' in document && 'notes' in document);
    assert.deepEqual(document.written, []);
    assert.ok(Array.isArray(document.notes) && document.notes.length > 3);
    assert.equal(err, '');
  });

  it('--write: both files, for their owner only, which knockctl can run from', () => {
    using folder = new TempFolder();
    const dir = folder.file('a/b');
    const { out } = said({ text: SEED, options: { write: dir } });
    const conf = join(dir, 'knockctl.conf');
    for (const path of [conf, join(dir, 'knockd.conf')]) {
      assert.equal(statSync(path).mode & 0o777, 0o600, path);
      assert.ok(out.includes(path));
    }
    assert.ok(!out.includes('-----'), 'what is written is not printed too');
    assert.ok(out.includes(`knockctl -c ${conf} check`));
    const { settings, doors, warnings } = loadConfig({ file: conf }, readIfExists);
    assert.equal(settings.paths.doors, join(dir, 'knockd.conf'));
    assert.equal(doors[0]?.actions[4].start?.kind, 'verb');
    assert.deepEqual(warnings, []);
  });

  it('replaces no file without --force', () => {
    for (const name of ['knockctl.conf', 'knockd.conf']) {
      using folder = new TempFolder();
      const path = folder.file(name);
      writeFileSync(path, 'mine');
      chmodSync(path, 0o644);
      const other = folder.file(name === 'knockd.conf' ? 'knockctl.conf' : 'knockd.conf');
      const texts: Said = { out: '', err: '' };
      assert.throws(
        () => run({ text: SEED, options: { write: folder.path } }, texts),
        (error) => error instanceof KnockError && error.exitCode === 1 && error.message.includes(path),
      );
      assert.deepEqual(texts, { out: '', err: '' });
      assert.equal(readFileSync(path, 'utf8'), 'mine');
      assert.equal(existsSync(other), false, 'not even the other one is written');

      const { out } = said({ text: SEED, options: { write: folder.path, force: true } });
      assert.notEqual(readFileSync(path, 'utf8'), 'mine');
      assert.ok(out.includes(`what was there before is in ${path}.old\n`), out);
      assert.equal(readFileSync(`${path}.old`, 'utf8'), 'mine');
      assert.equal(statSync(`${path}.old`).mode & 0o777, 0o600);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal(existsSync(other), true);
    }
  });

  it('a folder that others can write in, or that cannot be, is refused', () => {
    using folder = new TempFolder();
    const open = folder.file('open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    writeFileSync(folder.file('file'), '');
    for (const dir of [open, folder.file('file'), folder.file('file/below')]) {
      assert.throws(
        () => run({ text: SEED, options: { write: dir } }, { out: '', err: '' }),
        (error) => error instanceof KnockError && error.message.startsWith(`cannot write to ${dir}: `),
      );
    }
    assert.equal(existsSync(join(open, 'knockd.conf')), false);
  });

  it('broken input: every fault, exit 78, nothing printed and nothing written', () => {
    using folder = new TempFolder();
    const texts: Said = { out: '', err: '' };
    for (const json of [false, true]) {
      assert.throws(
        () => run({ text: 'x\n[d]\nfoo\n', options: { write: folder.file('new') }, json, file: '-' }, texts),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.equal(error.exitCode, 78);
          assert.deepEqual(
            error.message.split('\n').map((line) => /^standard input:\d+:/.exec(line)?.[0]),
            ['standard input:1:', 'standard input:2:', 'standard input:3:'],
          );
          return true;
        },
      );
    }
    assert.deepEqual(texts, { out: '', err: '' });
    assert.equal(existsSync(folder.file('new')), false);
  });
});
