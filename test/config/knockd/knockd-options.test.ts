import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { EXIT } from '../../../src/base/errors.js';
import { runFront } from '../../../src/ctl/knockd/knockd-front.js';
import { parseKnockdOptions, USAGE, type KnockdRequest } from '../../../src/config/knockd/knockd-options.js';

const PLAIN: KnockdRequest = { kind: 'run', front: {}, daemon: false, verbose: false, debug: false };

/** The request in words that are in order, written as on a command line. */
function understood(line: string): KnockdRequest {
  const request = parseKnockdOptions(line === '' ? [] : line.split(' '));
  assert.ok(request.ok, line);
  return request.value;
}

function refused(...words: string[]): string {
  const request = parseKnockdOptions(words);
  assert.ok(!request.ok, words.join(' '));
  return request.reason;
}

describe('the options of knockd', () => {
  const cases: readonly [string, Partial<KnockdRequest>][] = [
    ['', {}],
    ['-i eth1', { front: { interface: 'eth1' } }],
    ['--interface eth1', { front: { interface: 'eth1' } }],
    ['-d', { daemon: true }],
    ['--daemon', { daemon: true }],
    ['-c /x/y.conf', { front: { doors: '/x/y.conf' } }],
    ['--config /x/y.conf', { front: { doors: '/x/y.conf' } }],
    ['-D', { debug: true }],
    ['--debug', { debug: true }],
    ['-l', { front: { lookup: true } }],
    ['--lookup', { front: { lookup: true } }],
    ['-p k.pid', { front: { pidFile: 'k.pid' } }],
    ['--pidfile k.pid', { front: { pidFile: 'k.pid' } }],
    ['-g k.log', { front: { logFile: 'k.log' } }],
    ['--logfile k.log', { front: { logFile: 'k.log' } }],
    ['-v', { verbose: true }],
    ['--verbose', { verbose: true }],
    ['-4', { front: { onlyIpv4: true } }],
    ['--only-ip-v4', { front: { onlyIpv4: true } }],
    ['-V', { kind: 'version' }],
    ['--version', { kind: 'version' }],
    ['-h', { kind: 'help' }],
    ['--help', { kind: 'help' }],
  ];
  for (const [line, expected] of cases) {
    it(`knockd ${line}`, () => {
      assert.deepEqual(understood(line), { ...PLAIN, ...expected });
    });
  }

  it('come in bundles, with a value in the same word or the next', () => {
    const all = { ...PLAIN, daemon: true, verbose: true, front: { onlyIpv4: true, interface: 'eth1' } };
    assert.deepEqual(understood('-dv4i eth1'), all);
    assert.deepEqual(understood('-dv4ieth1'), all);
    assert.deepEqual(understood('-d -v --only-ip-v4 --interface=eth1'), all);
    assert.deepEqual(understood('-c -d').front, { doors: '-d' }, 'a value may look like an option');
    assert.deepEqual(understood('-p /a=b').front, { pidFile: '/a=b' });
    assert.deepEqual(understood('--pidfile=/a=b').front, { pidFile: '/a=b' });
  });

  it('have long names as short as they are unique', () => {
    assert.deepEqual(understood('--int eth1 --da --conf x --look --pid p --logf g --verb --o'), {
      ...PLAIN,
      daemon: true,
      verbose: true,
      front: { interface: 'eth1', doors: 'x', lookup: true, pidFile: 'p', logFile: 'g', onlyIpv4: true },
    });
    assert.equal(refused('--ver'), '--ver may be --verbose or --version');
    assert.equal(refused('--l'), '--l may be --lookup or --logfile');
    assert.equal(refused('--d'), '--d may be --daemon or --debug');
  });

  it('count as the last one says, and what is no option is passed over', () => {
    assert.deepEqual(understood('-i eth0 word -i eth1 -').front, { interface: 'eth1' });
    assert.deepEqual(understood('word -v'), { ...PLAIN, verbose: true });
    assert.deepEqual(understood('-- -V'), PLAIN);
  });

  it('that are wrong are refused, unless -h or -V came before', () => {
    assert.equal(refused('-x'), 'there is no option -x');
    assert.equal(refused('-dx'), 'there is no option -x');
    assert.equal(refused('-xV'), 'there is no option -x');
    assert.equal(refused('--nonsense'), 'there is no option --nonsense');
    for (const word of ['-i', '-c', '-p', '-g', '--pidfile'])
      assert.match(refused(word), /^--\w+ needs \w+$/);
    assert.equal(refused('-c', ''), '--config needs FILE');
    assert.equal(refused('--lookup=yes'), '--lookup takes no value');
    assert.match(refused('-i', 'eth0/1'), /^--interface needs any, or an interface name/);
    assert.match(refused('-i', 'with space'), /^--interface needs any/);
    assert.equal(understood('-hx').kind, 'help');
    assert.equal(understood('-Vh').kind, 'version');
    assert.equal(understood('-V word').kind, 'version');
  });

  it('stand all in the usage, which fits a terminal', () => {
    for (const [line] of cases) {
      const [option = ''] = line.split(' ');
      assert.ok(USAGE.includes(option), option);
    }
    for (const line of USAGE.split('\n')) assert.ok(line.length <= 120, line);
  });
});

describe('knockd', () => {
  /** What the front prints, and its exit code; it must not come to running anything. */
  async function front(...words: string[]): Promise<{ out: string; err: string; code: number }> {
    let [out, err] = ['', ''];
    const code = await runFront(words, {
      output: {
        json: false,
        colour: false,
        out: (text) => (out += text),
        err: (text) => (err += text),
      },
      load: () => assert.fail('nothing is read'),
      isRoot: false,
      supervise: () => Promise.reject(new Error('not called')),
    });
    return { out, err, code };
  }

  it('prints help and version, which anybody may ask for', async () => {
    assert.deepEqual(await front('-h'), { out: USAGE, err: '', code: EXIT.ok });
    const { out, code } = await front('--version');
    assert.match(out, /^knockd of knockctl \d+\.\d+\.\d+\n$/);
    assert.equal(code, EXIT.ok);
  });

  it('says what is wrong with its words', async () => {
    const err = 'knockd: there is no option -x\n  knockd -h tells what there is\n';
    assert.deepEqual(await front('-x'), { out: '', err, code: EXIT.usage });
  });

  it('is for root only', async () => {
    const { err, code } = await front('-c', '/nowhere');
    assert.match(err, /^knockd: knockd is for root only\n/);
    assert.equal(code, EXIT.notRoot);
  });

  it('comes to nobody’s path by itself', () => {
    const text = readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8');
    assert.match(text, /"bin": \{\s+"knockctl": "[^"]+",\s+"knock": "[^"]+"\s+\}/);
  });
});
