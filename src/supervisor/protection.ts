import type { Exposure } from '../firewall/exposure/assess.js';
import type { Firewall } from '../firewall/firewall.js';
import { isMadeLater } from '../firewall/made-later.js';
import type { ServiceReport, StatusReport } from '../wire/reports.js';
import { NOT_PROTECTED } from './exposure-watch.js';
import { MEANING, NOTHING_SHUT, repairs, type State } from './machine.js';

/** Whether what is said to be shut is shut, for `status`. Pure, but for what it is given. */

/** What decides about our services before us; nothing is said of families whose jump is not in: there all is open. */
export function reportExposures(
  firewall: Pick<Firewall, 'exposures'>,
  services: readonly ServiceReport[],
  state: State,
): readonly Exposure[] {
  if (!repairs(state)) return [];
  const isIn = ({ service, family }: Exposure): boolean =>
    service === null ||
    services.some(({ name, rules }) => {
      const own = rules.find((one) => one.family === family);
      return name === service && own?.jump !== false; // none: a family that is left out
    });
  return firewall.exposures.filter(isIn);
}

/** What a state is told by. */
export interface Told {
  readonly onTrial: boolean;
  readonly services: readonly ServiceReport[];
  readonly exposures: readonly Exposure[];
  /** Services that a fight has left shut, by their second gates. */
  readonly held: readonly string[];
}

/** What a fight over the table filter means that has left all second gates in force. */
const HELD =
  'somebody keeps undoing our rules in the table filter; we do not fight: the strict gate, which is untouched, keeps shut to all but trusted and accepted addresses';

/** The name of a state for users, and what it means: beside the table, for what an event does is the same. */
export function namedState(
  state: State,
  { onTrial, services, exposures, held }: Told,
): Pick<StatusReport, 'state' | 'meaning' | 'protected'> {
  const open = exposures.filter(({ kind }) => kind === 'open');
  const isShut = open.length === 0 && missing(services).length === 0 && chainless(services).length === 0;
  const isKnown = services.length > 0 && !services.some(({ rules }) => rules.some(isUnknown));
  const isProtected = isShut && !isKnown ? null : isShut && repairs(state) && state !== 'tripped';
  if (state === 'contested' && services.length > 0 && services.every(({ name }) => held.includes(name)))
    return { state, meaning: HELD, protected: true };
  if (state !== 'armed') return { state, meaning: MEANING[state], protected: isProtected };
  if (onTrial) {
    const meaning = 'new rules are in force until they are confirmed, or until the kernel goes back';
    return { state: 'trial', meaning, protected: isProtected };
  }
  if (services.length === 0) return { state, meaning: NOTHING_SHUT, protected: null };
  if (!isShut) return { state: 'exposed', meaning: exposed(open, services), protected: false };
  return {
    state,
    meaning: meaningOf(exposures),
    protected: isProtected === true && services.some(isAwaiting) ? false : isProtected,
  };
}

/** What is not in force at this moment, but will be put back. A chain that others make is waited for, and told by itself. */
function missing(services: readonly ServiceReport[]): string[] {
  return services
    .filter(({ rules }) =>
      rules.some(
        ({ chains, jump, awaits, unknown }) => awaits === undefined && unknown !== true && !(chains && jump),
      ),
    )
    .map(({ name }) => name);
}

/** Into a chain that is not there, and that no program is known to make. */
function chainless(services: readonly ServiceReport[]): string[] {
  return services.flatMap(({ name, rules }) => {
    const chain = rules.map(({ awaits }) => awaits).find((one) => one !== undefined && !isMadeLater(one));
    return chain === undefined ? [] : [`there is no chain ${chain}, into which service ${name} belongs`];
  });
}

/** Nothing tells the rules of either table: what is whole in one of them shuts. */
function isUnknown({ chains, jump, unknown }: ServiceReport['rules'][number]): boolean {
  return unknown === true && !(chains && jump);
}

function isAwaiting({ rules }: ServiceReport): boolean {
  return rules.some(({ awaits }) => awaits !== undefined);
}

function exposed(open: readonly Exposure[], services: readonly ServiceReport[]): string {
  const gone = missing(services).map(
    (name) => `rules of service ${name} are missing, and are put back at the next look`,
  );
  const passing = open.length === 0 ? [] : [`a rule lets in everybody before knockctl is asked`];
  return `${NOT_PROTECTED}: ${[...passing, ...gone, ...chainless(services)].join('; ')}`;
}

function meaningOf(exposures: readonly Exposure[]): string {
  const has = (kind: Exposure['kind']): boolean => exposures.some((one) => one.kind === kind);
  const words = [
    ...(has('exception') ? ['to the exceptions below'] : []),
    ...(has('unknown') ? ['perhaps to those whom a rule lets in that cannot be judged: unknown'] : []),
  ];
  const text = words.length === 0 ? MEANING.armed : `${MEANING.armed}; open ${words.join(', and ')}`;
  return has('refused') ? `${text}; but a rule keeps out everybody before knockctl is asked` : text;
}
