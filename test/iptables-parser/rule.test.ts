import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ParseError } from '../../src/iptables-parser/error.js';
import { makeChain, makeRemark, makeRuleset, makeTable } from '../../src/iptables-parser/make.js';
import { parse } from '../../src/iptables-parser/parse.js';
import { render } from '../../src/iptables-parser/render.js';
import { deletion, makeRule, parseRule } from '../../src/iptables-parser/rule.js';

const is = (value: string): { value: string; negated: boolean } => ({ value, negated: false });
const isNot = (value: string): { value: string; negated: boolean } => ({ value, negated: true });
const option = (name: string, ...values: string[]): object => ({ name, negated: false, values });
const not = (name: string, ...values: string[]): object => ({ name, negated: true, values });

describe('a rule', () => {
  it('gives addresses, interfaces, protocol, matches and target', () => {
    const rule = parseRule(
      '[7:420] -A INPUT ! -s 192.0.2.0/24 -d 198.51.100.1/32 -i eth+ ! -o lo -p tcp -m tcp --dport 22 ' +
        '! --tcp-flags FIN,SYN SYN -m set ! --match-set kc-in src -j REJECT --reject-with tcp-reset',
    );
    assert.equal(rule.command, 'append');
    assert.equal(rule.chain, 'INPUT');
    assert.deepEqual(rule.counters, { packets: 7n, bytes: 420n });
    assert.deepEqual(rule.source, isNot('192.0.2.0/24'));
    assert.deepEqual(rule.destination, is('198.51.100.1/32'));
    assert.deepEqual(rule.inInterface, is('eth+'));
    assert.deepEqual(rule.outInterface, isNot('lo'));
    assert.deepEqual(rule.protocol, is('tcp'));
    assert.deepEqual(rule.matches, [
      { module: 'tcp', options: [option('--dport', '22'), not('--tcp-flags', 'FIN,SYN', 'SYN')] },
      { module: 'set', options: [not('--match-set', 'kc-in', 'src')] },
    ]);
    assert.deepEqual(rule.target, {
      name: 'REJECT',
      by: 'jump',
      options: [option('--reject-with', 'tcp-reset')],
    });
    assert.deepEqual(rule.otherOptions, []);
  });

  it('knows the long names, goto, and a comment after the target', () => {
    const rule = parseRule('-A x --proto udp --src 10.0.0.1 --goto y -m comment --comment="a b"');
    assert.deepEqual(rule.protocol, is('udp'));
    assert.deepEqual(rule.source, is('10.0.0.1'));
    assert.deepEqual(rule.target, { name: 'y', by: 'goto', options: [] });
    assert.equal(rule.comment, 'a b');
  });

  it('gives the options of a protocol without -m to a match of its name', () => {
    assert.deepEqual(parseRule('-A x -p tcp --dport 22 -j y').matches, [
      { module: 'tcp', options: [option('--dport', '22')] },
    ]);
    assert.deepEqual(parseRule('-A x ! -p tcp --dport 22').otherOptions, [option('--dport', '22')]);
  });

  it('takes the word after a comment or prefix for its value, whatever it looks like', () => {
    const rule = parseRule('-A x -m comment --comment -j -m comment --comment ! -j LOG --log-prefix --goto');
    assert.deepEqual(rule.comments, ['-j', '!']);
    assert.deepEqual(rule.target?.options, [option('--log-prefix', '--goto')]);
  });

  it('decodes quotes and escapes', () => {
    const rule = parseRule(
      String.raw`-A x -m comment --comment "a \"b\" \\ \'c\' 100%" -m comment --comment ""`,
    );
    assert.equal(rule.comment, String.raw`a "b" \ 'c' 100%`);
    assert.deepEqual(rule.comments.length, 2);
    assert.equal(rule.comments[1], '');
  });

  it('tells a comment from other options and texts', () => {
    assert.equal(parseRule('-A x -m other --comment no -j y').comment, undefined);
    assert.equal(parseRule('-A x -j LOG --log-prefix "--comment no"').comment, undefined);
  });

  it('keeps what it does not know', () => {
    const rule = parseRule('-A x -f stray -m future --flag --pair a b ! --not c -j NEW --deep "x y" -5');
    assert.deepEqual(rule.otherOptions, [option('-f', 'stray')]);
    assert.deepEqual(rule.matches, [
      { module: 'future', options: [option('--flag'), option('--pair', 'a', 'b'), not('--not', 'c')] },
    ]);
    assert.deepEqual(rule.target, { name: 'NEW', by: 'jump', options: [option('--deep', 'x y', '-5')] });
    assert.deepEqual(parseRule('-A x stray ! -i').otherOptions, [option('', 'stray')]);
  });

  it('leaves -m policy its own --proto', () => {
    const rule = parseRule('-A x -m policy --dir in --proto esp -j y');
    assert.equal(rule.protocol, undefined);
    assert.deepEqual(rule.matches[0]?.options, [option('--dir', 'in'), option('--proto', 'esp')]);
  });

  it('shows names that iptables-save prints with a blank and without quotes', () => {
    assert.deepEqual(parseRule('-A x -i a b -j DROP').inInterface, is('a b'));
  });

  it('has neither matches nor target where the line is a policy or a new name', () => {
    const rule = parseRule('-P INPUT DROP');
    assert.deepEqual(rule.words, ['DROP']);
    assert.deepEqual(rule.otherOptions, []);
    assert.equal(rule.target, undefined);
  });

  it('may be empty: iptables-nft-save prints what it cannot read of nft so', () => {
    const rule = parseRule('-A INPUT');
    assert.deepEqual(rule.words, []);
    assert.equal(rule.target, undefined);
  });
});

describe('deletion', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['[1:2] -A INPUT -s 192.0.2.1/32 -j DROP', '-D INPUT -s 192.0.2.1/32 -j DROP'],
    ['-I INPUT 3 -m comment --comment "a  \\"b" -j x', '-D INPUT -m comment --comment "a  \\"b" -j x'],
    ['-R INPUT 3 -j x', '-D INPUT -j x'],
    ['-A INPUT', '-D INPUT'],
  ];
  for (const [rule, expected] of cases) {
    it(`of ${rule}`, () => {
      const deleting = deletion(parseRule(rule));
      assert.equal(deleting.text, expected);
      assert.equal(deleting.command, 'delete');
    });
  }

  it('is not there for lines that add no rule', () => {
    for (const line of ['-D INPUT 3', '-D INPUT -j x', '-F INPUT', '-P INPUT DROP', '-N x']) {
      assert.throws(() => deletion(parseRule(line)), TypeError);
    }
  });
});

describe('makeRule', () => {
  it('writes its parts as iptables-restore reads them', () => {
    const rule = makeRule({
      command: 'insert',
      chain: 'INPUT',
      position: 2,
      counters: { packets: 1n, bytes: 2n },
      words: ['-s', '192.0.2.0/24', '-m', 'comment', '--comment', 'it\'s "it"', '-j', 'own'],
    });
    assert.equal(
      rule.text,
      String.raw`[1:2] -I INPUT 2 -s 192.0.2.0/24 -m comment --comment "it\'s \"it\"" -j own`,
    );
    assert.equal(rule.comment, 'it\'s "it"');
    assert.deepEqual(rule, parseRule(rule.text));
    assert.equal(makeRule({ command: 'flush' }).text, '-F');
  });

  it('refuses parts that would read back as something else', () => {
    const parts = [
      { chain: 'a b' },
      { chain: '-j' },
      { chain: '' },
      {},
      { chain: 'a', position: 1 },
      { chain: 'a', words: ['x\ny'] },
      { chain: 'a', words: ['x\0y'] },
      { chain: 'a\nCOMMIT' },
      { chain: 'a', words: ['x'.repeat(11_000)] },
      { command: 'insert' as const, chain: 'a', words: ['3'] },
      { command: 'insert' as const, chain: 'a', position: 0 },
      { command: 'policy' as const, chain: 'a' },
    ];
    for (const part of parts) assert.throws(() => makeRule(part), ParseError, JSON.stringify(part));
  });
});

describe('render', () => {
  it('writes a ruleset made by hand', () => {
    const ruleset = makeRuleset([
      makeRemark('by hand\n-A INPUT'),
      makeTable('filter', [
        makeChain('INPUT', 'DROP', { packets: 1n, bytes: 60n }),
        makeChain('own'),
        makeRule({ chain: 'INPUT', words: ['-j', 'own'] }),
      ]),
    ]);
    const text = '# by hand -A INPUT\n*filter\n:INPUT DROP [1:60]\n:own - [0:0]\n-A INPUT -j own\nCOMMIT\n';
    assert.equal(render(ruleset), text);
    assert.deepEqual(parse(text), ruleset);
    assert.equal(render(makeRuleset([])), '');
  });
});
