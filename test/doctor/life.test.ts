/** Whether knockctl is at work, and is started, by made-up facts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { examine } from '../../src/doctor/examine.js';
import type { Facts, Starters } from '../../src/doctor/facts/facts.js';
import { scriptState } from '../../src/doctor/facts/gather-starters.js';
import { facts, told } from './made-up.js';
import type { StatusState } from '../../src/wire/state.js';

const NOBODY: Starters = {
  init: 'systemd',
  unit: 'absent',
  script: 'absent',
  cron: { file: false, program: true },
};
const STOPPED = { kind: 'stopped' } as const;

/** What is told of starting alone. */
function starting(starters: Partial<Starters>, life?: Facts['life']): string[] {
  const other = { starters: { ...NOBODY, ...starters }, ...(life === undefined ? {} : { life }) };
  return examine(facts(other))
    .filter(({ text }) => /start(?:s|ed)\b/.test(text))
    .map(({ level, text, fix }) => `${level}: ${text}${fix === undefined ? '' : ` → ${fix}`}`);
}

const GOOD_AGAIN = 'good: started again, when it has died, by';

describe('doctor: who starts it', () => {
  it('systemd does both', () => {
    assert.deepEqual(starting({ unit: 'enabled' }), [
      'good: started at a boot by systemd',
      `${GOOD_AGAIN} systemd`,
    ]);
  });

  it('a unit that is not enabled: nothing at a boot, and that is a danger to what is protected now', () => {
    assert.deepEqual(starting({ unit: 'disabled' }), [
      'danger: nothing starts knockctl at a boot → systemctl enable knockctl',
      `${GOOD_AGAIN} systemd`,
    ]);
    for (const life of [STOPPED, { kind: 'running', state: 'trial', meaning: '' }] as const) {
      assert.match(
        starting({ unit: 'disabled' }, life).join('\n'),
        /^warning: nothing starts knockctl at a boot/,
      );
    }
  });

  it('a link of a run level is nothing to systemd beside our own unit, and something without it', () => {
    assert.match(
      starting({ unit: 'disabled', script: 'enabled' })[0] ?? '',
      /^danger: nothing .* at a boot → systemctl enable/,
    );
    assert.match(starting({ script: 'enabled' }).join('\n'), /^good: started at a boot by its init script$/m);
  });

  it('cron’s file starts it again, and never at a boot', () => {
    const cron = { file: true, program: true };
    assert.deepEqual(starting({ init: 'sysv', script: 'unlinked', cron }), [
      'danger: nothing starts knockctl at a boot → update-rc.d knockctl defaults',
      `${GOOD_AGAIN} cron`,
    ]);
    assert.deepEqual(starting({ init: 'sysv', script: 'enabled', cron }), [
      'good: started at a boot by its init script',
      `${GOOD_AGAIN} cron`,
    ]);
  });

  it('cron’s file without cron starts nobody', () => {
    assert.deepEqual(starting({ init: 'sysv', script: 'enabled', cron: { file: true, program: false } }), [
      'warning: nothing starts knockctl again when it has died: its file for cron is there, and no cron → apt-get install cron',
      'good: started at a boot by its init script',
    ]);
  });

  it('says what to do by what there is', () => {
    const boot = (starters: Partial<Starters>): string | undefined =>
      / at a boot → (.*)/.exec(starting(starters).join('\n'))?.[1];
    assert.equal(boot({}), 'knockctl install, then systemctl enable knockctl');
    assert.equal(boot({ init: 'sysv' }), 'knockctl install, then update-rc.d knockctl defaults');
    assert.equal(boot({ init: 'sysv', script: 'disabled' }), 'update-rc.d knockctl enable');
    assert.match(boot({ init: undefined }) ?? '', /whatever starts this machine, or container/);
  });

  it('a container’s own start is not known to us: no danger', () => {
    assert.match(starting({ init: undefined })[0] ?? '', /^warning: nothing starts knockctl at a boot/);
  });

  it('reads the links of run levels', () => {
    assert.equal(scriptState(['S01cron', 'S03knockctl']), 'enabled');
    assert.equal(scriptState(['K01knockctl', 'S03knockctl']), 'enabled');
    assert.equal(scriptState(['K01knockctl', 'S01knockctl-other']), 'disabled');
    assert.equal(scriptState(['S01cron', 'README']), 'unlinked');
  });
});

describe('doctor: whether it is at work', () => {
  const first = (life: Facts['life'], more: Parameters<typeof facts>[0] = {}): string | undefined =>
    told({ life, ...more })[0];

  it('not running, with a service: a warning', () => {
    assert.match(
      first(STOPPED) ?? '',
      /^warning: knockctl is not running \| so: nothing is hidden.* fix: knockctl start --trial 300/,
    );
    assert.doesNotMatch(told({ life: STOPPED, conf: '', doors: '' }).join('\n'), /is not running/);
  });

  it('dead, or without a word: a danger', () => {
    assert.match(
      first({ kind: 'dead' }) ?? '',
      /^danger: the supervisor is dead .* fix: knockctl restartifdead$/,
    );
    assert.match(first({ kind: 'silent' }) ?? '', /^danger: a supervisor is there, but does not answer/);
  });

  it('running: by its state, with what that means', () => {
    const state = (name: StatusState): string | undefined =>
      first({ kind: 'running', state: name, meaning: `meaning of ${name}` });
    assert.equal(state('armed'), undefined);
    for (const name of ['tripped', 'contested', 'degraded'] as const) {
      assert.match(
        state(name) ?? '',
        new RegExp(`^danger: knockctl is running: ${name} .*so: meaning of ${name}`),
      );
    }
    assert.match(state('preparing') ?? '', /^warning: knockctl is running: preparing/);
    assert.match(state('trial') ?? '', /^note: knockctl is running: trial .* knockctl confirm/);
  });
});

describe('doctor: saved rules with ours in them', () => {
  const OURS = '*filter\n-A INPUT -p tcp -m comment --comment "knockctl:ssh" -j ssh_policy\nCOMMIT\n';
  const saved = (path: string, hasPlugin: boolean, text = OURS): string =>
    told({ savedRules: [{ path, text }], hasPlugin }).join('\n');

  it('without the plugin none of them is loaded', () => {
    assert.match(
      saved('/etc/iptables/rules.v4', false),
      /^danger: \/etc\/iptables\/rules\.v4 .* fix: knockctl install/,
    );
  });

  it('with it: a note', () => {
    assert.match(saved('/etc/iptables/rules.v4', true), /^note: \/etc\/iptables\/rules\.v4/);
  });

  it('Red Hat’s services ask no plugin', () => {
    const text = saved('/etc/sysconfig/iptables', true);
    assert.match(
      text,
      /^danger: \/etc\/sysconfig\/iptables .* fix: save the rules while knockctl is stopped/,
    );
    assert.doesNotMatch(text, /knockctl install/);
  });

  it('rules of others are nothing to us', () => {
    assert.equal(saved('/etc/iptables/rules.v4', false, '*filter\n-A INPUT -j DROP\nCOMMIT\n'), '');
  });
});
