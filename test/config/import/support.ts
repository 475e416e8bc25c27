import assert from 'node:assert/strict';

import { ok } from '../../../src/base/result.js';
import { planImport, type ImportPlan } from '../../../src/config/import/plan.js';
import { parseKnockctlConf } from '../../../src/config/knockctl/knockctl-conf.js';
import { parseKnockdConf } from '../../../src/config/knockd/knockd-conf.js';
import { portNames } from '../../../src/config/shadow.js';

/** The port names of a machine whose /etc/services is short. */
export const lookUp = portNames(() => ok('http 80/tcp\ndomain 53/udp\nssh 22/tcp\nftp 21/tcp\n'));

/** A rule, and what takes it away, up to the port. */
export const A = '/sbin/iptables -A INPUT -s %IP% -p tcp --dport';
export const D = '/sbin/iptables -D INPUT -s %IP% -p tcp --dport';

export function plan(text: string): ImportPlan {
  return planImport(text, '/etc/knockd.conf', lookUp);
}

/** A door for each list of directives; its sequence is its own. */
export function doors(...lists: readonly (readonly string[])[]): string {
  return lists
    .map((lines, index) => `[door${index}]\nsequence = ${7000 + index}\n${lines.join('\n')}\n`)
    .join('');
}

/** The start and stop commands of the doors in force, IPv4. */
export function commands({ knockdConf }: ImportPlan): readonly (readonly (string | undefined)[])[] {
  return parseKnockdConf(knockdConf, 'k').doors.map(({ actions }) => {
    const { start, stop } = actions[4];
    return stop === undefined ? [start?.line] : [start?.line, stop.line];
  });
}

/** `name protocol ports chain`, and the families. */
export function conf({ knockctlConf }: ImportPlan): {
  services: readonly string[];
  families: readonly number[];
} {
  const { services, settings, faults } = parseKnockctlConf(knockctlConf, 'c');
  assert.deepEqual(faults, []);
  return {
    services: services.map((one) => `${one.name} ${one.protocol} ${one.ports.join()} ${one.chain}`),
    families: settings.firewall.families,
  };
}

export function kinds({ notes }: ImportPlan): readonly string[] {
  return notes.filter(({ line }) => line > 0).map(({ line, kind }) => `${line} ${kind}`);
}

export function textOf({ notes }: ImportPlan, line: number): string {
  return notes.find((note) => note.line === line)?.text ?? '';
}

/** What the whole-file notes say, together. */
export function advice({ notes }: ImportPlan): string {
  return notes
    .filter(({ kind }) => kind === 'advice')
    .map(({ text }) => text)
    .join('\n');
}
