import type { ListName } from './lists.js';

/** The values of command options. Times in seconds. */
export interface OptionValues {
  readonly timeoutS: number;
  readonly service: string;
  readonly force: boolean;
  /** Whoever is let in or trusted is left alone, and no reason to refuse the others. */
  readonly spare: boolean;
  readonly save: boolean;
  /** The source of the caller's own SSH session (SSH_CONNECTION). */
  readonly session: string;
  /** The port of that session. */
  readonly port: number;
  readonly list: ListName;
  readonly follow: boolean;
  /** The duration of a trial, unless it is confirmed. */
  readonly trialS: number;
  /** Leaves rules and sets in the kernel, for the next supervisor. */
  readonly keep: boolean;
}
export type OptionName = keyof OptionValues;

interface CommandSpec {
  /** Whether it takes addresses, or names of lists. */
  readonly targets: boolean;
  readonly options: readonly OptionName[];
  /** Whether it acts on the kernel's lists: with or without a supervisor. */
  readonly onLists: boolean;
  /** Whether doors may use it, besides the administrator. */
  readonly byDoors: boolean;
  /** Whether the kernel can do it by itself, as the command of a door. */
  readonly inKernel: boolean;
}

const FOR_DOORS = { targets: true, onLists: true, byDoors: true } as const;
const FOR_SUPERVISOR = { targets: false, onLists: false, byDoors: false, inKernel: false } as const;

/** The table of all commands of a supervisor; messages, guards, dispatch and kernel rules derive from it. */
export const COMMANDS = {
  accept: { ...FOR_DOORS, inKernel: true, options: ['timeoutS', 'service', 'force'] },
  drop: { ...FOR_DOORS, inKernel: true, options: ['timeoutS', 'force', 'spare', 'session'] },
  trust: { ...FOR_DOORS, inKernel: false, options: ['save'] },
  untrust: { ...FOR_DOORS, inKernel: false, options: ['save'] },
  flush: { ...FOR_DOORS, inKernel: true, options: ['list'] },
  list: { ...FOR_SUPERVISOR, onLists: true, options: ['list'] },
  status: { ...FOR_SUPERVISOR, options: [] },
  events: { ...FOR_SUPERVISOR, options: ['follow'] },
  reload: { ...FOR_SUPERVISOR, options: ['trialS', 'session', 'port'] },
  confirm: { ...FOR_SUPERVISOR, options: [] },
  stop: { ...FOR_SUPERVISOR, options: ['keep'] },
} as const satisfies Readonly<Record<string, CommandSpec>>;

type Commands = typeof COMMANDS;
export type CommandName = keyof Commands;
/** The commands with a property. */
type CommandsThat<K extends keyof CommandSpec> = {
  [C in CommandName]: Commands[C][K] extends true ? C : never;
}[CommandName];

/** The commands that act on the kernel's lists. */
export type ListCommand = CommandsThat<'onLists'>;
/** The commands that a door may have. */
export type DoorVerb = CommandsThat<'byDoors'>;
/** The commands that are given addresses. */
export type AddressCommand = CommandsThat<'targets'>;
/** The commands of doors that the kernel can do by itself. */
export type KernelVerb = CommandsThat<'inKernel'>;

/** The arguments of a command. */
export type CommandArguments<C extends CommandName> = (Commands[C]['targets'] extends true
  ? { readonly targets: readonly string[] }
  : unknown) & {
  readonly [O in Commands[C]['options'][number]]?: OptionValues[O];
};

/** True for the name of a command. */
export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word);
}

/** Returns the names of the commands with a property, in table order. */
export function commandsThat<K extends 'onLists' | 'byDoors' | 'targets' | 'inKernel'>(
  what: K,
): readonly CommandsThat<K>[] {
  return Object.keys(COMMANDS).filter(
    (name): name is CommandsThat<K> => isCommand(name) && COMMANDS[name][what],
  );
}

/** True if a command takes an option. */
export function takes(command: CommandName, option: OptionName): boolean {
  const options: readonly OptionName[] = COMMANDS[command].options;
  return options.includes(option);
}
