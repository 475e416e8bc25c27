/** Checks whether knockctl is running, and what starts it. */
import { holdsOurs, PERSISTENT } from '../../firewall/ownership/saved-sets.js';
import type { Finding } from '../../wire/reports.js';
import type { StatusState } from '../../wire/state.js';
import type { Facts, Starters } from '../facts/facts.js';
import { servicesOf } from '../facts/ports.js';

/** States that last only a moment. */
const PASSING: readonly StatusState[] = ['preparing', 'stopping'];

export function inForce(facts: Facts): Finding[] {
  const { supervisor, config } = facts;
  const hides = servicesOf(facts).length > 0;
  switch (supervisor.kind) {
    case 'stopped':
      if (!hides || !config.ok) return [];
      return [
        {
          level: 'warning',
          text: 'knockctl is not running',
          effect: 'no port is protected: the host’s own rules decide',
          fix: 'knockctl start --trial 300, then knockctl confirm',
        },
      ];
    case 'dead':
      return [
        {
          level: 'danger',
          text: 'the supervisor is dead',
          effect: 'new connections meet on_failure; the listener does not hear knocks',
          fix: 'knockctl restartifdead',
        },
      ];
    case 'silent':
      return [
        {
          level: 'danger',
          text: 'the supervisor is running, but does not answer',
          effect: 'if it hangs, new connections meet on_failure',
          fix: 'knockctl restart replaces it; rules and entries stay in force',
        },
      ];
    case 'unknown':
      return [];
    case 'running':
      return [stateFinding(supervisor.state, supervisor.meaning)];
  }
}

function stateFinding(state: StatusState, meaning: string): Finding {
  const text = `knockctl is running: ${state}`;
  if (state === 'armed') return { level: 'good', text };
  if (state === 'trial') return { level: 'note', text, effect: meaning, fix: 'knockctl confirm keeps it' };
  return {
    level: PASSING.includes(state) ? 'warning' : 'danger',
    text,
    effect: meaning,
    fix: 'knockctl status shows since when and why; knockctl events shows what happened',
  };
}

/**
 * Checks what starts knockctl at boot. A reboot without knockctl locks nobody out, because nothing closes the port. But
 * if knockctl protects a port now and nothing starts it at boot, the next reboot opens that port silently: a danger. It
 * is only a warning if knockctl is not running yet, is on trial, or runs under an unknown init system (a container).
 */
export function startedAtBoot(facts: Facts): Finding[] {
  const { starters, config, supervisor } = facts;
  if (!config.ok) return [];
  const by = bootStarter(starters);
  if (by !== undefined) return [{ level: 'good', text: `started at boot by ${by}` }];
  const hides = servicesOf(facts).length > 0;
  const isRelied =
    hides && supervisor.kind === 'running' && supervisor.state !== 'trial' && starters.init !== undefined;
  return [
    {
      level: isRelied ? 'danger' : 'warning',
      text: 'nothing starts knockctl at boot',
      effect: hides ? 'after a reboot the port is not protected' : 'after a reboot no knock is heard',
      fix: bootFix(starters),
    },
  ];
}

/** knockctl's own unit hides the script's links from systemd; without it, systemd generates a unit from them. */
function bootStarter({ init, unit, script }: Starters): string | undefined {
  if (init === 'systemd' && unit !== 'absent') return unit === 'enabled' ? 'systemd' : undefined;
  return script === 'enabled' ? 'its init script' : undefined;
}

function bootFix({ init, unit, script }: Starters): string {
  const bySystemd = 'systemctl enable knockctl';
  const byScript = `update-rc.d knockctl ${script === 'disabled' ? 'enable' : 'defaults'}`;
  if (init === 'systemd') return unit === 'absent' ? `knockctl install, then ${bySystemd}` : bySystemd;
  if (init === undefined && script === 'absent')
    return 'have the init system of this machine or container call knockctl start or knockctl run';
  return script === 'absent' ? `knockctl install, then ${byScript}` : byScript;
}

/** Cron restarts a supervisor that died, but never at boot: only if it was started before. */
export function startedAgain({ starters, config }: Facts): Finding[] {
  if (!config.ok) return [];
  const { init, unit, cron } = starters;
  const by = [
    ...(init === 'systemd' && unit !== 'absent' ? ['systemd'] : []),
    ...(cron.file && cron.program ? ['cron'] : []),
  ];
  if (by.length > 0) return [{ level: 'good', text: `restarted after a crash by ${by.join(' and ')}` }];
  return [
    {
      level: 'warning',
      text: cron.file
        ? 'nothing restarts knockctl after a crash: its cron file exists, but no cron is installed'
        : 'nothing restarts knockctl after a crash',
      effect: 'new connections then meet on_failure until it is started by hand',
      fix: cron.file
        ? 'apt-get install cron'
        : `knockctl install${cron.program ? '' : ', and apt-get install cron'}`,
    },
  ];
}

/** Saved rules that are loaded at boot, before knockctl: if a set is missing, none of them is loaded. */
export function savedRules(facts: Facts): Finding[] {
  const name = servicesOf(facts)[0]?.name ?? 'ssh';
  return facts.savedRules
    .filter(({ text }) => holdsOurs(text))
    .map(({ path }): Finding => {
      const text = `${path} contains knockctl's rules`;
      const byHand = `save the rules while knockctl is stopped, or delete the lines with ${name}_ and knock.`;
      // Only netfilter-persistent runs plugins.
      const isItsOwn = PERSISTENT.includes(path);
      if (isItsOwn && facts.hasPlugin) {
        return {
          level: 'note',
          text,
          effect: 'netfilter-persistent has knockctl create their sets before it loads them',
        };
      }
      return {
        level: 'danger',
        text: `${text}, and nothing creates their sets before it is loaded`,
        effect:
          'if a set is missing, none of its rules is loaded: after a boot this host has no rules at all',
        fix: isItsOwn ? `knockctl install installs a plugin that creates them; or ${byHand}` : byHand,
      };
    });
}
