/** Whether knockctl is at work now, and who sees to it that it will be. */
import { holdsOurs, PERSISTENT } from '../../firewall/ownership/saved-sets.js';
import type { Finding } from '../../wire/reports.js';
import type { StatusState } from '../../wire/state.js';
import type { Facts, Starters } from '../facts/facts.js';
import { servicesOf } from '../facts/ports.js';

/** States that pass by themselves in a moment. */
const PASSING: readonly StatusState[] = ['preparing', 'stopping'];

export function inForce(facts: Facts): Finding[] {
  const { life, config } = facts;
  const hides = servicesOf(facts).length > 0;
  switch (life.kind) {
    case 'stopped':
      if (!hides || !config.ok) return [];
      return [
        {
          level: 'warning',
          text: 'knockctl is not running',
          effect: 'nothing is hidden: the host’s own rules decide',
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
          text: 'a supervisor is there, but does not answer',
          effect: 'it hangs, or is about to: then new connections meet on_failure',
          fix: 'knockctl restart replaces it; what is in the kernel stays in force',
        },
      ];
    case 'unknown':
      return [];
    case 'running':
      return [ofState(life.state, life.meaning)];
  }
}

function ofState(state: StatusState, meaning: string): Finding {
  const text = `knockctl is running: ${state}`;
  if (state === 'armed') return { level: 'good', text };
  if (state === 'trial') return { level: 'note', text, effect: meaning, fix: 'knockctl confirm keeps it' };
  return {
    level: PASSING.includes(state) ? 'warning' : 'danger',
    text,
    effect: meaning,
    fix: 'knockctl status says since when and why; knockctl events what happened',
  };
}

/**
 * Nothing that is not started shuts a port, so a reboot locks nobody out; but where knockctl protects a port now, and
 * nothing starts it at a boot, then the next one, which may come at night, silently opens what somebody relies on: a danger.
 * What has not been started yet, what is on trial, and what runs where we do not know who starts things (a container),
 * is worth a warning.
 */
export function startedAtBoot(facts: Facts): Finding[] {
  const { starters, config, life } = facts;
  if (!config.ok) return [];
  const by = bootStarter(starters);
  if (by !== undefined) return [{ level: 'good', text: `started at a boot by ${by}` }];
  const hides = servicesOf(facts).length > 0;
  const isRelied = hides && life.kind === 'running' && life.state !== 'trial' && starters.init !== undefined;
  return [
    {
      level: isRelied ? 'danger' : 'warning',
      text: 'nothing starts knockctl at a boot',
      effect: hides
        ? 'after a reboot the port is as open as without it'
        : 'after a reboot no door hears a knock',
      fix: bootMend(starters),
    },
  ];
}

/** Our own unit hides the script's links from systemd; where there is none, systemd makes one of them. */
function bootStarter({ init, unit, script }: Starters): string | undefined {
  if (init === 'systemd' && unit !== 'absent') return unit === 'enabled' ? 'systemd' : undefined;
  return script === 'enabled' ? 'its init script' : undefined;
}

function bootMend({ init, unit, script }: Starters): string {
  const bySystemd = 'systemctl enable knockctl';
  const byScript = `update-rc.d knockctl ${script === 'disabled' ? 'enable' : 'defaults'}`;
  if (init === 'systemd') return unit === 'absent' ? `knockctl install, then ${bySystemd}` : bySystemd;
  if (init === undefined && script === 'absent')
    return 'whatever starts this machine, or container, has to call knockctl start, or knockctl run';
  return script === 'absent' ? `knockctl install, then ${byScript}` : byScript;
}

/** Cron has it started again at once when it died, but never at a boot: only where somebody has started it before. */
export function startedAgain({ starters, config }: Facts): Finding[] {
  if (!config.ok) return [];
  const { init, unit, cron } = starters;
  const by = [
    ...(init === 'systemd' && unit !== 'absent' ? ['systemd'] : []),
    ...(cron.file && cron.program ? ['cron'] : []),
  ];
  if (by.length > 0)
    return [{ level: 'good', text: `started again, when it has died, by ${by.join(' and ')}` }];
  return [
    {
      level: 'warning',
      text: cron.file
        ? 'nothing starts knockctl again when it has died: its file for cron is there, and no cron'
        : 'nothing starts knockctl again when it has died',
      effect: 'new connections then meet on_failure until somebody starts it by hand',
      fix: cron.file
        ? 'apt-get install cron'
        : `knockctl install${cron.program ? '' : ', and apt-get install cron'}`,
    },
  ];
}

/** Rules that are loaded at boot, before us: with a set that is not there, none of them is. */
export function savedRules(facts: Facts): Finding[] {
  const name = servicesOf(facts)[0]?.name ?? 'ssh';
  return facts.savedRules
    .filter(({ text }) => holdsOurs(text))
    .map(({ path }): Finding => {
      const text = `${path} holds rules of ours`;
      const byHand = `save the rules while knockctl is stopped, or take the lines with ${name}_ and knock. out`;
      // Only netfilter-persistent asks plugins.
      const isItsOwn = PERSISTENT.includes(path);
      if (isItsOwn && facts.hasPlugin) {
        return {
          level: 'note',
          text,
          effect: 'netfilter-persistent has the sets that they name made by knockctl before it loads them',
        };
      }
      return {
        level: 'danger',
        text: `${text}, and nothing makes the sets that they name before it is loaded`,
        effect: 'with a set missing none of its rules is loaded: after a boot this host has no rules at all',
        fix: isItsOwn ? `knockctl install puts a plugin in place that makes them; or ${byHand}` : byHand,
      };
    });
}
