import { errorText } from '../base/errors.js';
import { PARTS } from '../base/lists.js';
import type { ListName } from '../base/lists.js';
import type { SetList } from '../base/lists.js';
import type { Firewall } from '../firewall/firewall.js';
import type { RuleStatus } from '../firewall/rules/rule-status.js';
import { listSets } from '../firewall/sets/set-specs.js';
import type { SetHeader } from '../firewall/sets/set-specs.js';
import type { ServiceReport } from '../wire/reports.js';

/** What the kernel holds of each service, whatever cannot be read of it: that is told. */
export async function reportServices(firewall: Firewall): Promise<ServiceReport[]> {
  if (firewall.services.length === 0) return [];
  const [inForce, sets] = await Promise.all([rulesInTime(firewall), setsInTime(firewall)]);
  return Promise.all(
    firewall.services.map(async (service) => {
      const count = (part: SetList): number =>
        listSets(service.name, part).reduce((sum, { set }) => sum + (sets.headers.get(set)?.entries ?? 0), 0);
      const all = (list: ListName): number => PARTS[list].reduce((sum, part) => sum + count(part), 0);
      const left = sets.unread === undefined ? await firewall.sets.ports.switchLeft(service) : undefined;
      return {
        name: service.name,
        protocol: service.protocol,
        ports: service.ports,
        onFailure: service.onFailure,
        gate: service.gate ?? 'normal',
        switchLeft: left ?? null,
        rules: inForce
          .filter((one) => one.service === service.name)
          .map(({ family, chains, jump, awaits: awaits, whole, unread, unknown }) => {
            return { family, chains, jump, awaits, whole, unread, unknown };
          }),
        ...(sets.unread === undefined ? {} : { setsUnread: sets.unread }),
        entries: {
          banned: all('banned'),
          trusted: all('trusted'),
          filter: all('filter'),
          decoyed: count('decoyed'),
          granted: count('granted'),
        },
      };
    }),
  );
}

/** Who asks for the status waits 5 s for it: what cannot be read until then is told as such. */
const LOOK_MS = 3_500;

const LATE = `not within ${LOOK_MS / 1_000} s`;

async function rulesInTime(firewall: Firewall): Promise<readonly RuleStatus[]> {
  return inTime(firewall.ruleStatus(), () => firewall.notRead(LATE));
}

async function setsInTime(firewall: Firewall): Promise<SetsSeen> {
  return inTime(setsOf(firewall), () => ({ headers: new Map(), unread: `ipset gave no answer, ${LATE}` }));
}

/** What a look gives, or what `late` gives if it takes longer than `status` may wait: a program that hangs must not hide the state. */
export async function inTime<T>(look: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<T>((resolve) => {
    timer = setTimeout(() => {
      resolve(late());
    }, LOOK_MS);
  });
  try {
    return await Promise.race([look, waited]);
  } finally {
    clearTimeout(timer);
  }
}

interface SetsSeen {
  readonly headers: ReadonlyMap<string, SetHeader>;
  readonly unread?: string;
}

async function setsOf({ sets }: Firewall): Promise<SetsSeen> {
  try {
    return { headers: await sets.headers() };
  } catch (error) {
    return { headers: new Map(), unread: errorText(error) };
  }
}
