import { FAMILIES } from '../../base/address.js';
import { effectsIn } from '../import/line.js';
import type { Effect } from '../import/effect.js';
import type { Config, DoorCommand, DoorSettings } from '../settings.js';
import type { HostFacts } from './host.js';

/** What goes wrong with doors as they are written. Pure. */

/** A remark, and the line of knockd.conf that it is about. */
export interface Pitfall {
  readonly line: number;
  readonly text: string;
}

type Facts = Pick<HostFacts, 'portNames'>;

/** The commands of a door, each line once. */
export function commandsOf({ actions }: DoorSettings, kind: 'start' | 'stop'): readonly DoorCommand[] {
  const found = new Map<string, DoorCommand>();
  for (const family of FAMILIES) {
    const command = actions[family][kind];
    if (command !== undefined) found.set(command.line, command);
  }
  return [...found.values()];
}

function effectsOf(door: DoorSettings, kind: 'start' | 'stop', { portNames }: Facts): readonly Effect[] {
  return commandsOf(door, kind).flatMap((command) =>
    command.kind === 'shell' ? effectsIn(command.line, portNames) : [],
  );
}

/** True where a door lets somebody in, as far as its line can be read. */
function isOpening(door: DoorSettings, facts: Facts): boolean {
  return (
    commandsOf(door, 'start').some((command) => command.kind === 'verb' && command.verb === 'accept') ||
    effectsOf(door, 'start', facts).some(({ action, verdict }) => action === 'add' && verdict === 'ACCEPT')
  );
}

/** Doors that let everybody in, whoever has knocked. */
export function openForAll({ doors }: Pick<Config, 'doors'>, facts: Facts): Pitfall[] {
  return doors.flatMap((door) => {
    const opened = effectsOf(door, 'start', facts).find(
      ({ action, isForAll }) => action === 'add' && isForAll,
    );
    if (opened?.place === undefined) return [];
    const { protocol, ports } = opened.place;
    const text = `door ${door.door.name}: opens ${protocol} port ${ports.join(', ')} for everybody: without %IP% it is not for the address that knocked`;
    return [{ line: door.line, text }];
  });
}

/** Doors that open by the same packets. */
export function sameSequence({ doors }: Pick<Config, 'doors'>): Pitfall[] {
  const first = new Map<string, DoorSettings>();
  return doors.flatMap((settings) => {
    const { door, line } = settings;
    if (door.sequence.length === 0) return [];
    const key = JSON.stringify([door.sequence, door.flags, door.target?.text]);
    const other = first.get(key);
    first.set(key, other ?? settings);
    if (other === undefined) return [];
    const text = `door ${door.name}: has the sequence of door ${other.door.name} (line ${other.line}): one knock does what both say, in their order`;
    return [{ line, text }];
  });
}

/** Doors that nothing shuts again, but another knock. */
export function staysOpen({ doors, settings }: Config, facts: Facts): Pitfall[] {
  return doors.flatMap((door) => {
    const { name } = door.door;
    const closers = closersOf(door, doors, settings.services, facts);
    if (closers === undefined) return [];
    const until =
      closers.length === 0
        ? 'stays open for good: nothing shuts it again'
        : `stays open until door ${closers.map((one) => one.door.name).join(' or ')} is knocked at, for good if it is not`;
    const way = 'a stop_command, or knockctl accept %IP% --timeout S (knockctl import writes it), does';
    return [{ line: door.line, text: `door ${name}: what it opens ${until}; ${way}` }];
  });
}

/** The doors that shut what this one opens; undefined where it shuts by itself, or opens nothing that is known. */
function closersOf(
  door: DoorSettings,
  doors: readonly DoorSettings[],
  services: Config['settings']['services'],
  facts: Facts,
): readonly DoorSettings[] | undefined {
  if (commandsOf(door, 'stop').length > 0) return undefined;
  const forEver = commandsOf(door, 'start').some(
    (command) =>
      command.kind === 'verb' &&
      command.verb === 'accept' &&
      (command.timeoutS ??
        services.find(({ name }) => name === (command.service ?? 'ssh'))?.acceptTimeoutS) === 0,
  );
  if (forEver) {
    return doors.filter((other) =>
      commandsOf(other, 'start').some((command) => command.kind === 'verb' && command.verb === 'flush'),
    );
  }
  const effects = effectsOf(door, 'start', facts);
  const open = effects.filter(
    (one) =>
      one.action === 'add' && one.verdict === 'ACCEPT' && one.timeoutS === undefined && one.set === undefined,
  );
  // In the same line it may be taken back, after a sleep.
  if (open.length === 0 || effects.some(({ action }) => action === 'delete')) return undefined;
  const identities = open.map(({ identity }) => identity);
  return doors.filter((other) =>
    effectsOf(other, 'start', facts).some(
      ({ action, identity }) => action === 'delete' && identities.includes(identity),
    ),
  );
}

/** Sequences that stand in knockd's own manual and packages. */
const STOCK: readonly string[] = ['7000,8000,9000', '9000,8000,7000', '2222:udp,3333,4444:udp'];

/** Doors whose sequence everybody knows. */
export function stockSequences({ doors }: Pick<Config, 'doors'>): Pitfall[] {
  return doors.flatMap(({ door: { name, sequence }, line }) => {
    const text = sequence
      .map(({ port, protocol }) => (protocol === 'tcp' ? String(port) : `${port}:udp`))
      .join(',');
    if (!STOCK.includes(text)) return [];
    return [
      {
        line,
        text: `door ${name}: ${text} is a sequence of knockd's own examples, which everybody knows: take another`,
      },
    ];
  });
}

/** Doors that let in by what others try anyway: one port alone, or the hidden port first. */
export function easySequences(config: Config, facts: Facts): Pitfall[] {
  return config.doors.flatMap((door): Pitfall[] => {
    const { name, sequence } = door.door;
    const [first] = sequence;
    if (first === undefined || door.oneTime !== undefined || !isOpening(door, facts)) return [];
    const { line } = door;
    if (sequence.every((step) => step.port === first.port && step.protocol === first.protocol)) {
      return [{ line, text: `door ${name}: one port is no secret: whoever tries all ports opens it` }];
    }
    const hidden = config.settings.services.find(
      ({ protocol, ports }) => protocol === first.protocol && ports.includes(first.port),
    );
    if (hidden === undefined) return [];
    const text = `door ${name}: its sequence begins with port ${first.port}, which service ${hidden.name} hides: whoever tries that port has made the first step`;
    return [{ line, text }];
  });
}
