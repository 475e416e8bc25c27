import type { Exposure } from '../../firewall/exposure/assess.js';
import type { Firewall } from '../../firewall/firewall.js';
import { isMadeLater } from '../../firewall/rules/made-later.js';
import type { ServiceReport, StatusReport } from '../../wire/reports.js';
import { NOT_PROTECTED } from '../failsafe/exposure-log.js';
import { MEANING, NOTHING_SHUT, repairs } from '../failsafe/state-machine.js';
import type { State } from '../../wire/state.js';

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
interface ReportedState {
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
  { onTrial, services, exposures, held }: ReportedState,
): Pick<StatusReport, 'state' | 'meaning' | 'protected'> {
  const open = exposures.filter(({ kind }) => kind === 'open');
  const isProtected = protects(services, open, state);
  if (state === 'contested' && services.length > 0 && services.every(({ name }) => held.includes(name)))
    return { state, meaning: HELD, protected: true };
  if (state !== 'armed') return { state, meaning: MEANING[state], protected: isProtected };
  if (onTrial) {
    const meaning = 'new rules are in force until they are confirmed, or until the kernel goes back';
    return { state: 'trial', meaning, protected: isProtected };
  }
  if (services.length === 0) return { state, meaning: NOTHING_SHUT, protected: null };
  const faults = [
    ...(open.length === 0 ? [] : ['a rule lets in everybody before knockctl is asked']),
    ...services.flatMap(faultsOf),
  ];
  if (faults.length > 0)
    return { state: 'exposed', meaning: `${NOT_PROTECTED}: ${faults.join('; ')}`, protected: false };
  return {
    state,
    meaning: [meaningOf(exposures), ...services.flatMap(halves)].join('; '),
    protected: isProtected,
  };
}

/**
 * How the rules of a service stand in a family. `half`: in one of the two tables of a strict gate, which shuts as well. `awaited`: the
 * chain that the jump belongs into is made by another program, later; `chainless`: none is known to make it.
 */
type Standing = 'whole' | 'half' | 'awaited' | 'chainless' | 'missing' | 'unknown';

function standingOf({ chains, jump, whole, awaits, unknown }: ServiceReport['rules'][number]): Standing {
  if (chains && jump) return 'whole'; // of two tables the one that can be told, where nothing tells the other
  if (whole !== undefined && whole.length > 0) return 'half';
  if (awaits !== undefined) return isMadeLater(awaits) ? 'awaited' : 'chainless';
  return unknown === true ? 'unknown' : 'missing';
}

/** True: all is shut that is said to be; false: something is not; null: nothing is to be, or it cannot be told. */
function protects(
  services: readonly ServiceReport[],
  open: readonly Exposure[],
  state: State,
): boolean | null {
  const standings = services.flatMap(({ rules }) => rules.map(standingOf));
  const shuts = (one: Standing): boolean => one === 'whole' || one === 'half';
  if (open.length > 0 || standings.some((one) => one !== 'unknown' && !shuts(one))) return false;
  if (services.length === 0 || !standings.every(shuts)) return null;
  return repairs(state) && state !== 'tripped';
}

/** Why a service is not shut, in words, but for chains that another program makes later: these are told by themselves. */
function faultsOf({ name, rules }: ServiceReport): string[] {
  const standings = rules.map(standingOf);
  const chain = rules[standings.indexOf('chainless')]?.awaits;
  return [
    ...(standings.includes('missing')
      ? [`rules of service ${name} are missing, and are put back at the next look`]
      : []),
    ...(chain === undefined ? [] : [`there is no chain ${chain}, into which service ${name} belongs`]),
  ];
}

/** Of a strict gate one half is missing: it is put back at the next look, and the other one shuts. */
function halves({ name, rules }: ServiceReport): string[] {
  const half = rules.find((one) => standingOf(one) === 'half');
  if (half === undefined) return [];
  return [
    half.whole?.includes('mangle') === true
      ? `rules of service ${name} in the table filter are missing, and are put back at the next look; the strict gate shuts meanwhile`
      : `the strict gate of service ${name} is missing, and is put back at the next look; the table filter shuts meanwhile`,
  ];
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
