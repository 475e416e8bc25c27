/** What the files say: whether they can be read, whether they are in force, and what in them is not there on this host. */
import { LOCKED_OUT } from '../../config/lockout.js';
import { formatFault } from '../../base/errors.js';
import { OWN_USER, SPARE_USER_NOTE } from '../../system/privileges.js';
import { localTime } from '../../system/local-time.js';
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';

export function configuration({ config, templateFaults, templateRemarks }: Facts): Finding[] {
  if (config.ok) {
    return [
      ...config.value.leftOut.map(
        ({ text, fix }) => ({ level: 'danger', text, effect: LEFT_OUT, fix }) as const,
      ),
      // nobodyGetsIn tells these, with what mends them.
      ...config.value.warnings
        .filter((text) => !text.includes(LOCKED_OUT))
        .map((text) => ({ level: 'warning', text }) as const),
      ...templateFaults.map(faultOf),
      ...templateRemarks,
    ];
  }
  if (config.isWritten) return config.faults.map(faultOf);
  return config.faults.map((fault) => ({
    level: 'danger',
    text: formatFault(fault),
    effect: 'there is no configuration yet, so knockctl does not start',
    fix: 'knockctl init',
  }));
}

const LEFT_OUT =
  'others could write there what root would believe: a start or reload by hand is refused, at a boot it is left out';

function faultOf(fault: Parameters<typeof formatFault>[0]): Finding {
  return {
    level: 'danger',
    text: formatFault(fault),
    effect: 'knockctl does not start, and a running one keeps the configuration of before',
    fix: 'fix that line; knockctl check shows all that is wrong',
  };
}

/** Packets that the rules cannot read for want of a match in this kernel. */
export function unreadablePackets({ unreadable }: Facts): Finding[] {
  return unreadable.map((text) => ({ level: 'warning', text }));
}

/** A supervised knockd, and nothing hidden: to be known, in case that it was not meant. */
export function noService({ config }: Facts): Finding[] {
  if (!config.ok || config.value.settings.services.length > 0) return [];
  return [
    {
      level: 'note',
      text: 'there is no [service] in the configuration: knockctl is a supervised knockd',
      effect: 'nothing is hidden: the commands of the doors do what they do',
      fix: '[service.ssh] in knockctl.conf hides port 22',
    },
  ];
}

/** Files that lost a trial do not come into force by themselves (select-config.ts). */
export function triedInVain({ tried, life }: Facts): Finding[] {
  if (tried === undefined) return [];
  if (typeof tried === 'string') {
    return [
      {
        level: 'danger',
        text: tried,
        effect: 'knockctl does not start',
        fix: 'look over the configuration, remove that file, and knockctl start --trial 300',
      },
    ];
  }
  // It is being tried just now: see inForce().
  if (life.kind === 'running' && life.state === 'trial') return [];
  const isDead = life.kind === 'dead';
  // What a dead one left is put in order first: with the configuration of before, or none.
  const verb = life.kind === 'running' || (isDead && tried.hasBefore) ? 'reload' : 'start';
  return [
    {
      level: 'danger',
      text: `this configuration was tried on ${localTime(tried.at)} and not confirmed`,
      effect: tried.hasBefore
        ? 'each start passes over it, at a boot too: the configuration of before counts instead'
        : 'knockctl does not start with it, at a boot neither: nothing is protected',
      fix: `${isDead ? 'knockctl restartifdead, then ' : ''}knockctl ${verb} --trial 300, then knockctl confirm; or change it`,
    },
  ];
}

/** The listener waits for what is not there yet. */
export function absentInterfaces({ config, interfaces }: Facts): Finding[] {
  if (!config.ok) return [];
  const absent = config.value.settings.listener.interfaces.filter(
    (name) => name !== 'any' && !interfaces.includes(name),
  );
  if (absent.length === 0) return [];
  return [
    {
      level: 'warning',
      text: `interface in [listener]: there is no ${absent.join(', ')} (there are: ${interfaces.join(', ')})`,
      effect: 'it is waited for; until it is there, the listener hears no knock there',
      fix: 'interface = any in [listener], or the name of one that is there',
    },
  ];
}

/** The listener gives root up before it reads a packet. */
export function listenerUser({ config, listenerUser: user }: Facts): Finding[] {
  if (!config.ok || user === 'fit') return [];
  if (user === 'spare') return [{ level: 'warning', ...SPARE_USER_NOTE }];
  const { user: name } = config.value.settings.listener;
  return [
    {
      level: 'danger',
      text:
        user === 'absent'
          ? `user in [listener]: there is no user ${name}`
          : `user in [listener]: ${name} is root, or of its group`,
      effect: 'the listener does not run, so no knock is heard by it, and knockctl does not arm',
      fix: `user = ${OWN_USER} in [listener], which knockctl install makes; users of other sources (LDAP) by number, UID:GID`,
    },
  ];
}
