/** What the files say, by made-up facts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Facts } from '../../src/doctor/facts/facts.js';
import { told } from './made-up.js';
import type { StatusState } from '../../src/wire/state.js';

const FAULTS = [{ file: '/etc/knockctl/knockd.conf', line: 0, message: 'there is no such file' }];

describe('doctor: the configuration', () => {
  const faulty = (isWritten: boolean): string[] => told({ config: { ok: false, faults: FAULTS, isWritten } });

  it('before init: knockctl init', () => {
    assert.match(faulty(false).join('\n'), /^danger: .*there is no such file .* fix: knockctl init$/);
  });

  it('one that is written, and wrong: that line', () => {
    assert.match(faulty(true).join('\n'), /^danger: .* fix: fix that line; knockctl check/);
  });

  it('no service at all is worth a word', () => {
    assert.match(
      told({ conf: '', doors: '' }).join('\n'),
      /^note: there is no \[service\].* supervised knockd/,
    );
  });

  const tried = (what: Facts['tried'], life: Facts['life'] = { kind: 'stopped' }): string =>
    told({ tried: what, life }).find((line) => line.startsWith('danger')) ?? '';
  const NOTED = { at: '2026-11-21T10:00:00.000Z', hasBefore: true };
  const running = (state: StatusState): Facts['life'] => ({ kind: 'running', state, meaning: '' });

  it('a trial that was not confirmed: started without, or not at all', () => {
    assert.match(
      tried(NOTED),
      /was tried on 2026-11-2\d .* not confirmed .* each start passes over it.* fix: knockctl start --trial 300/,
    );
    assert.match(tried({ ...NOTED, hasBefore: false }), /knockctl does not start with it/);
    const dead = told({ tried: { ...NOTED, hasBefore: false }, life: { kind: 'dead' } }).join('\n');
    assert.match(dead, /fix: knockctl restartifdead, then knockctl start --trial 300/);
    assert.match(tried(NOTED, running('armed')), /fix: knockctl reload --trial 300/);
  });

  it('one that is on just now is none that was in vain', () => {
    assert.equal(tried(NOTED, running('trial')), '');
  });

  it('a note of it that is damaged', () => {
    assert.match(
      tried('/s/unconfirmed.json is damaged: x'),
      /^danger: .*is damaged.* knockctl does not start/,
    );
  });

  it('an interface that is not there', () => {
    const listener = '[service.ssh]\non_failure = hold\n[listener]\ninterface = ';
    assert.match(
      told({ conf: `${listener}eth0, wg0\n` }).join('\n'),
      /^warning: interface in \[listener\]: there is no wg0 \(there are: lo, eth0\)/,
    );
    assert.deepEqual(told({ conf: `${listener}eth0\n` }), []);
  });

  it('a user that is not there, or is root', () => {
    assert.match(
      told({ listenerUser: 'absent' }).join('\n'),
      /^danger: .*there is no user _knockctl .* user = _knockctl/,
    );
    assert.match(
      told({ listenerUser: 'spare' }).join('\n'),
      /^warning: .*runs as nobody .* useradd .* _knockctl/,
    );
    assert.match(told({ listenerUser: 'root' }).join('\n'), /^danger: .*_knockctl is root/);
  });

  it('a template of rules that is broken', () => {
    const fault = { file: '/etc/knockctl/rules/service.rules', line: 3, message: 'nonsense' };
    assert.match(
      told({ templateFaults: [fault] }).join('\n'),
      /^danger: \/etc\/knockctl\/rules\/service\.rules:3: nonsense .* knockctl check/,
    );
  });
});
