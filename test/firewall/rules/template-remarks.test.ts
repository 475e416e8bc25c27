import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FAMILIES, type Family } from '../../../src/base/address.js';
import type { Service } from '../../../src/firewall/model/service.js';
import { templateRemarks } from '../../../src/firewall/rules/template-remarks.js';
import type { Template } from '../../../src/firewall/rules/template.js';
import { SERVICE } from '../../helpers/kernel-space.js';
import { shippedTemplate } from '../../helpers/template.js';

/** The shipped template without the lines that match, or with words of them replaced. */
function without(words: RegExp, by?: string): Template {
  const { text, ...others } = shippedTemplate();
  const lines = text.split('\n');
  const kept =
    by === undefined
      ? lines.filter((line) => line.startsWith('#') || !words.test(line))
      : lines.map((line) => line.replace(words, by));
  return { ...others, text: kept.join('\n') };
}

/** What is missing, in a word or two, for services with these settings. */
function remarks(
  template: Template,
  service: Partial<Service> = {},
  families: readonly Family[] = FAMILIES,
): string[] {
  return templateRemarks(template, [{ ...SERVICE, ...service }], families).map(({ text, level }) => {
    assert.ok(text.startsWith(`${template.file}: `));
    return `${level}: ${text.slice(template.file.length + 2)}`;
  });
}

describe('what a template of an administrator lacks', () => {
  it('of the one that is shipped: nothing, in any chain, for any address', () => {
    for (const chain of ['INPUT', 'FORWARD', 'DOCKER-USER', 'OUTPUT'])
      for (const addresses of [[], ['192.0.2.1', '2001:db8::1']])
        assert.deepEqual(remarks(shippedTemplate(), { chain, addresses }), [], chain);
  });

  it('reassembly, which conntrack would do as well', () => {
    const lacking = /^danger: nothing makes the kernel reassemble/;
    assert.match(remarks(without(/@REASSEMBLE@|@KNOWN@/)).join(), lacking);
    const tracked = without(/@NEW@/g, '@NEW@ -m conntrack --ctstate NEW');
    const text = tracked.text
      .split('\n')
      .filter((line) => !/^-A.*@(?:REASSEMBLE|KNOWN)@/.test(line))
      .join('\n');
    assert.deepEqual(remarks({ ...tracked, text }), []);
  });

  it('rules for fragments: for IPv6, and for IPv4 where packets pass on', () => {
    const lacking = ['danger: fragments that the kernel does not reassemble, or misreads, meet no rule'];
    const none = without(/@FRAGMENT@/);
    assert.deepEqual(remarks(none), lacking);
    assert.deepEqual(remarks(none, {}, [4]), [], 'IPv4 to the host itself is reassembled');
    assert.deepEqual(remarks(none, { chain: 'FORWARD' }, [4]), lacking);
    assert.deepEqual(remarks(without(/@MISREAD@/)), lacking);
  });

  it('routing headers, where an address is protected', () => {
    const none = without(/@ROUTED@/);
    assert.deepEqual(remarks(none), []);
    assert.deepEqual(remarks(none, { addresses: ['2001:db8::1'] }), [
      'warning: packets that a routing header takes on to the protected address meet no rule',
    ]);
  });

  it('the loopback, which a rule of the policy may leave out as well', () => {
    const none = without(/@FROM@ /g, '');
    assert.deepEqual(remarks(none), ['warning: the jump concerns what the host sends to itself too']);
    const text = none.text.replace('\nCOMMIT', '\n-A @SERVICE@_policy -i lo -j RETURN\nCOMMIT');
    assert.deepEqual(remarks({ ...none, text }), []);
    const comment = none.text.replace(
      '\nCOMMIT',
      '\n-A @SERVICE@_policy -m comment --comment "x -i lo " -j RETURN\nCOMMIT',
    );
    assert.equal(remarks({ ...none, text: comment }).length, 1, 'a comment is no rule');
  });

  it('the sets of those banned by doors, and granted by hand', () => {
    assert.deepEqual(remarks(without(/^-A.*_decoyed@V@/)), ['warning: no rule names @SERVICE@_decoyed@V@']);
    assert.deepEqual(remarks(without(/^-A.*_granted@V@/)), ['warning: no rule names @SERVICE@_granted@V@']);
  });
});
