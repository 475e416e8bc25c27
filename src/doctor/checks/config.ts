/** Checks of the configuration: whether it is valid, in force, and fits this host. */
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
  'other users could write what root would trust: a manual start or reload is refused, and at boot the file is ignored';

function faultOf(fault: Parameters<typeof formatFault>[0]): Finding {
  return {
    level: 'danger',
    text: formatFault(fault),
    effect: 'knockctl does not start; a running one keeps the previous configuration',
    fix: 'fix that line; knockctl check shows all faults',
  };
}

/** Packets that the rules cannot read because this kernel lacks a match. */
export function unreadablePackets({ unreadable }: Facts): Finding[] {
  return unreadable.map((text) => ({ level: 'warning', text }));
}

/** Without a service knockctl is a supervised knockd and protects nothing: a note, in case that is not intended. */
export function noService({ config }: Facts): Finding[] {
  if (!config.ok || config.value.settings.services.length > 0) return [];
  return [
    {
      level: 'note',
      text: 'there is no [service] in the configuration: knockctl is a supervised knockd',
      effect: 'no port is protected: knocks only run the commands of the doors',
      fix: '[service.ssh] in knockctl.conf hides port 22',
    },
  ];
}

/** A configuration whose trial was not confirmed does not take effect by itself (select-config.ts). */
export function unconfirmedTrial({ unconfirmedTrial: trial, supervisor }: Facts): Finding[] {
  if (trial === undefined) return [];
  if (typeof trial === 'string') {
    return [
      {
        level: 'danger',
        text: trial,
        effect: 'knockctl does not start',
        fix: 'check the configuration, delete that file, then knockctl start --trial 300',
      },
    ];
  }
  // The trial is in progress: see inForce().
  if (supervisor.kind === 'running' && supervisor.state === 'trial') return [];
  const isDead = supervisor.kind === 'dead';
  // A dead supervisor is replaced first, with the previous configuration or none.
  const verb = supervisor.kind === 'running' || (isDead && trial.hasBefore) ? 'reload' : 'start';
  return [
    {
      level: 'danger',
      text: `this configuration was tried on ${localTime(trial.at)} and not confirmed`,
      effect: trial.hasBefore
        ? 'every start, at boot too, ignores it and uses the previous configuration'
        : 'knockctl does not start with it, not even at boot: nothing is protected',
      fix: `${isDead ? 'knockctl restartifdead, then ' : ''}knockctl ${verb} --trial 300, then knockctl confirm; or change the configuration`,
    },
  ];
}

/** The listener waits for missing interfaces. */
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
      effect: 'the listener waits for it, and hears no knocks there until it exists',
      fix: 'interface = any in [listener], or the name of an existing one',
    },
  ];
}

/** The listener drops root before it reads a packet. */
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
          : `user in [listener]: ${name} is root, or in group root`,
      effect: 'the listener does not run, so it hears no knocks, and knockctl does not arm',
      fix: `user = ${OWN_USER} in [listener], which knockctl install makes; users of other sources (LDAP) by number, UID:GID`,
    },
  ];
}
