import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ParseError } from '../../src/iptables-parser/error.js';
import { MAX_LINE } from '../../src/iptables-parser/line.js';
import { parse } from '../../src/iptables-parser/parse.js';
import {
  chains,
  commands,
  findTable,
  rulesOf,
  rulesWithComment,
  tables,
} from '../../src/iptables-parser/query.js';
import { render } from '../../src/iptables-parser/render.js';
import type { Table } from '../../src/iptables-parser/document.js';

const SAVE = `# Warning: iptables-legacy tables present, use iptables-legacy-save to see them
*nat
:POSTROUTING ACCEPT [1:60]
COMMIT

*filter
# ours
:INPUT DROP [12:18446744073709551615]
:own - [0:0]
[3:180] -A INPUT -m comment --comment "knockctl: jump" -j own
-A own -j ACCEPT
-A INPUT -j RETURN
COMMIT
`;

function table(text: string, name = 'filter'): Table {
  const found = findTable(parse(text), name);
  assert.ok(found, `no table ${name}`);
  return found;
}

function fails(text: string, reason: RegExp, line: number, offending: string, column?: number): void {
  assert.throws(
    () => parse(text),
    (error) => {
      assert.ok(error instanceof ParseError, String(error));
      assert.match(error.message, reason);
      assert.ok(error.message.startsWith(`line ${line}`), error.message);
      assert.equal(error.line, line);
      assert.equal(error.text, offending);
      assert.equal(error.column, column);
      return true;
    },
  );
}

describe('parse', () => {
  it('reads tables, chains, rules, counters and remarks, and loses nothing', () => {
    const ruleset = parse(SAVE);
    assert.deepEqual(
      tables(ruleset).map(({ name }) => name),
      ['nat', 'filter'],
    );
    assert.deepEqual(
      ruleset.entries.map(({ kind }) => kind),
      ['remark', 'table', 'remark', 'table'],
    );
    const filter = table(SAVE);
    assert.deepEqual(chains(filter), [
      {
        kind: 'chain',
        text: ':INPUT DROP [12:18446744073709551615]',
        name: 'INPUT',
        policy: 'DROP',
        counters: { packets: 12n, bytes: 18446744073709551615n },
      },
      { kind: 'chain', text: ':own - [0:0]', name: 'own', policy: '-', counters: { packets: 0n, bytes: 0n } },
    ]);
    const [first, second] = rulesOf(filter, 'INPUT');
    assert.deepEqual(first?.counters, { packets: 3n, bytes: 180n });
    assert.equal(second?.counters, undefined);
    assert.deepEqual(rulesWithComment(filter, 'knockctl: jump'), [first]);
    assert.deepEqual(rulesWithComment(filter, 'knockctl'), []);
    assert.equal(render(ruleset), SAVE);
  });

  it('gives a ruleset without entries for the empty text', () => {
    assert.deepEqual(parse(''), { entries: [], finalNewline: false });
    assert.equal(findTable(parse(''), 'filter'), undefined);
    assert.equal(render(parse('')), '');
  });

  it('keeps texts without rules, and the last line with or without its break', () => {
    for (const text of ['\n', '\n\n', '#', '# x\n', '*raw\nCOMMIT', '*raw\nCOMMIT\n', '*raw\nCOMMIT\n\n']) {
      assert.equal(render(parse(text)), text);
    }
    assert.equal(parse('*raw\nCOMMIT').finalNewline, false);
  });

  it('reads the commands of iptables-restore', () => {
    const text = [
      '*filter',
      ':INPUT  ACCEPT ',
      '-N new',
      '-P INPUT DROP',
      '-I INPUT -j new',
      '-I INPUT 3 -j new',
      '  [1:2]-A\tnew -j RETURN',
      '-R INPUT 2 -j DROP',
      '-D INPUT 4',
      '-D INPUT -j new',
      '-Z new 1',
      '-Z',
      '-F new',
      '-F',
      '-E new old',
      '-X old',
      '-X',
      '--append INPUT --jump DROP',
      'COMMIT',
    ].join('\n');
    const filter = table(text);
    assert.deepEqual(
      commands(filter).map(({ command, chain, position, specText }) => [command, chain, position, specText]),
      [
        ['new-chain', 'new', undefined, ''],
        ['policy', 'INPUT', undefined, 'DROP'],
        ['insert', 'INPUT', undefined, '-j new'],
        ['insert', 'INPUT', 3, '-j new'],
        ['append', 'new', undefined, '-j RETURN'],
        ['replace', 'INPUT', 2, '-j DROP'],
        ['delete', 'INPUT', 4, ''],
        ['delete', 'INPUT', undefined, '-j new'],
        ['zero', 'new', 1, ''],
        ['zero', undefined, undefined, ''],
        ['flush', 'new', undefined, ''],
        ['flush', undefined, undefined, ''],
        ['rename-chain', 'new', undefined, 'old'],
        ['delete-chain', 'old', undefined, ''],
        ['delete-chain', undefined, undefined, ''],
        ['append', 'INPUT', undefined, '--jump DROP'],
      ],
    );
    assert.deepEqual(
      rulesOf(filter, 'INPUT').map(({ text: line }) => line),
      ['-I INPUT -j new', '-I INPUT 3 -j new', '--append INPUT --jump DROP'],
    );
    assert.equal(chains(filter)[0]?.counters, undefined);
    assert.equal(render(parse(text)), text);
  });

  it('keeps a comment with line breaks, as iptables-save prints it, in one rule', () => {
    const lines = [
      '-A INPUT -m comment --comment "a',
      '-A INPUT -j \\"b\\"',
      '" -j ACCEPT',
      '-A INPUT -j DROP',
    ];
    const text = ['*filter', ...lines, 'COMMIT', ''].join('\n');
    const rules = rulesOf(table(text), 'INPUT');
    assert.deepEqual(
      rules.map(({ comment, target }) => [comment, target?.name]),
      [
        ['a\n-A INPUT -j "b"\n', 'ACCEPT'],
        [undefined, 'DROP'],
      ],
    );
    assert.equal(render(parse(text)), text);
  });
});

describe('parse refuses', () => {
  it('what stands outside a table', () => {
    fails('-A INPUT -j ACCEPT\n', /outside a table/, 1, '-A INPUT -j ACCEPT');
    fails('# x\n\n:INPUT ACCEPT [0:0]\n', /outside a table/, 3, ':INPUT ACCEPT [0:0]');
    fails('*raw\nCOMMIT\nCOMMIT\n', /outside a table/, 3, 'COMMIT');
  });

  it('a table without COMMIT, by the line where it begins', () => {
    fails('\n*filter\n-A INPUT\n', /table filter has no COMMIT/, 2, '*filter');
    fails('*filter\n*nat\nCOMMIT\n', /table filter, begun in line 1, has no COMMIT/, 2, '*nat');
  });

  it('a table without a name, or with two', () => {
    for (const name of ['*', '* ', '* filter', '*filter nat']) {
      fails(`${name}\nCOMMIT\n`, /name of one table/, 1, name);
    }
  });

  it('a chain without policy', () => {
    for (const chain of [
      ':INPUT',
      ':INPUT [0:0]',
      ':',
      ':INPUT ACCEPT [0:]',
      ':INPUT ACCEPT [0:0] x',
      ': - ',
    ]) {
      fails(`*filter\n${chain}\nCOMMIT\n`, /a chain line must be/, 2, chain);
    }
  });

  it('a line that is no command', () => {
    const lines = [
      'garbage',
      ' # x',
      '   ',
      '-L INPUT',
      '-C INPUT',
      'COMMIT ',
      '[1:2 -A INPUT',
      '-t nat -A X',
      'A',
    ];
    for (const line of lines) {
      fails(`*filter\n${line}\nCOMMIT\n`, /not a chain, a rule, a comment or COMMIT/, 2, line);
    }
  });

  it('a command that lacks something, or has too much', () => {
    const filter = (line: string, reason: RegExp, column: number): void => {
      fails(`*filter\n${line}\nCOMMIT\n`, reason, 2, line, column);
    };
    filter('-A', /-A needs the name of a chain/, 3);
    filter('-A -j ACCEPT', /-A needs the name of a chain/, 4);
    filter('-A "INPUT"', /-A needs the name of a chain/, 4);
    filter('-F -x', /-F needs the name of a chain/, 4);
    filter('-R INPUT -j DROP', /-R needs the number of a rule/, 10);
    filter('-R INPUT 0 -j DROP', /-R needs the number of a rule/, 10);
    filter('-N new chain', /-N takes nothing more/, 8);
    filter('-P INPUT', /-P takes exactly one word/, 9);
    filter('-P INPUT DROP ACCEPT', /-P takes exactly one word/, 10);
  });

  it('a quote that is never closed', () => {
    const line = '-A INPUT -m comment --comment "open -j DROP';
    fails(`*filter\n${line}\n-A INPUT -j ACCEPT\nCOMMIT\n`, /a quote is never closed/, 2, line, 31);
    fails(`*filter\n${line}\n${line}\nCOMMIT\n`, /a quote is never closed/, 2, line, 31);
    fails(`*filter\n${line}`, /a quote is never closed/, 2, line, 31);
    const late = `${line}${'\n'.repeat(600)}" -j DROP`;
    fails(`*filter\n${late}\nCOMMIT\n`, /a quote is never closed/, 2, line, 31);
    const name = '-A INPUT -i we"ird';
    fails(`*filter\n${name}\n" -j ACCEPT\nCOMMIT\n`, /a quote is never closed/, 2, name, 15);
  });

  it('NUL bytes, DOS line ends and lines that iptables-restore would cut in two', () => {
    fails('*filter\n-A IN\0PUT\nCOMMIT\n', /a NUL byte/, 2, '-A IN\0PUT', 6);
    fails('*filter\r\nCOMMIT\r\n', /carriage return/, 1, '*filter\r');
    const longest = `-A INPUT${' '.repeat(MAX_LINE - 18)}-j ACCEPT`;
    assert.equal(longest.length, MAX_LINE - 1);
    assert.equal(commands(table(`*filter\n${longest} \nCOMMIT\n`)).length, 1);
    fails(`*filter\n${longest}  \nCOMMIT\n`, /longer than the 10239 bytes/, 2, `${longest}  `);
    const wide = `#${'☃'.repeat(3413)}`;
    fails(wide, /longer than the 10239 bytes/, 1, wide);
  });

  it('with a message that stays short', () => {
    const line = 'x'.repeat(1000);
    assert.throws(
      () => parse(line),
      (error) => error instanceof ParseError && error.message.length < 300 && error.text === line,
    );
  });
});
