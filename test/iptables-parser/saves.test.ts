import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parse } from '../../src/iptables-parser/parse.js';
import { commands, findTable, rulesOf, tables } from '../../src/iptables-parser/query.js';
import { render } from '../../src/iptables-parser/render.js';
import type { Rule } from '../../src/iptables-parser/rule.js';
import { readSave, saveNames } from './fixtures.js';

function allRules(name: string): Rule[] {
  return tables(parse(readSave(name))).flatMap(commands);
}

describe('a real save', () => {
  for (const name of saveNames()) {
    it(`${name} comes back as it was`, () => {
      const text = readSave(name);
      assert.equal(render(parse(text)), text);
      const withoutEnd = text.replace(/\n$/, '');
      assert.equal(render(parse(withoutEnd)), withoutEnd);
    });
  }

  it('has a module and a target in each rule but those that were made without', () => {
    for (const name of saveNames()) {
      for (const rule of allRules(name)) {
        assert.equal(rule.command, 'append', rule.text);
        const stray = rule.otherOptions.filter((option) => option.name !== '-f');
        assert.deepEqual(stray, [], rule.text);
        assert.ok(
          rule.matches.every((match) => /^[A-Za-z0-9]+$/.test(match.module)),
          rule.text,
        );
        assert.equal(
          rule.target !== undefined,
          / -[jg] (?!-[jg] )/.test(rule.text.replace(/".*"/, '')),
          rule.text,
        );
      }
    }
  });

  it('gives back the comments and prefixes that make.sh wrote', () => {
    const written = [
      'plain',
      'two words',
      'a"b',
      "a'b",
      'a\\b',
      'end\\',
      'a%b %s %n',
      'tab\tx',
      'a;b',
      '#hash',
    ];
    written.push('--foo', '-j', '!', '', 'a$b `c`', 'naïve ☃', 'a,b', '[1:2] -A INPUT', 'COMMIT', '"');
    for (const name of ['nft-4.save', 'nft-6.save', 'legacy-4.save', 'legacy-6.save']) {
      const filter = findTable(parse(readSave(name)), 'filter');
      assert.ok(filter);
      const rules = rulesOf(filter, 'other-chain');
      const comments = rules.filter((rule) => rule.target === undefined).flatMap((rule) => rule.comments);
      assert.deepEqual(comments, written);
      const prefixes = rules
        .flatMap((rule) => rule.target?.options ?? [])
        .filter((option) => option.name === '--log-prefix')
        .map((option) => option.values[0]);
      assert.deepEqual(prefixes, [...written.filter((text) => text !== ''), 'knock: ']);
    }
  });

  it('has counters in each rule of -c, and in none without', () => {
    for (const name of saveNames()) {
      const counted = allRules(name).filter((rule) => rule.counters !== undefined).length;
      assert.equal(counted, name.includes('-counters') ? allRules(name).length : 0, name);
    }
    assert.ok(allRules('nft-4-counters.save').some((rule) => (rule.counters?.packets ?? 0n) > 0n));
  });

  it('of a chain that nothing was done to is empty', () => {
    assert.deepEqual(parse(readSave('nft-4-untouched.save')).entries, []);
  });

  it('with a line break in a comment has one rule for it', () => {
    for (const name of saveNames().filter((each) => each.includes('line-break'))) {
      const [first] = allRules(name);
      assert.equal(first?.comment, 'first line\n-A INPUT -j "second"');
      assert.equal(first.target?.name, 'ACCEPT');
    }
  });

  it('of 10,000 rules takes well under 200 ms of a core', () => {
    const rules = Array.from(
      { length: 10_000 },
      (_, index) =>
        `[${index}:${index * 60}] -A INPUT -s 10.0.${index >> 8}.${index & 255}/32 -p tcp -m tcp --dport 22 ` +
        `-m comment --comment "knockctl \\"${index}\\"" -j ACCEPT\n`,
    );
    const text = `*filter\n:INPUT ACCEPT [0:0]\n${rules.join('')}COMMIT\n`;
    // Of the process's own time, the best of some runs: others may use the machine too.
    const times = Array.from({ length: 7 }, () => {
      const before = process.cpuUsage();
      parse(text);
      return process.cpuUsage(before).user / 1_000;
    });
    assert.ok(Math.min(...times) < 200, `${Math.min(...times).toFixed(1)} ms at best`);
  });
});
