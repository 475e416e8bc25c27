import type { DoorVerb } from '../base/commands.js';
import type { Family } from '../base/address.js';
import type { Door, Protocol } from '../knock/door.js';
import type { Weakness } from '../system/strict-file.js';

/** What new connections to a service meet when knockctl is lost for good. */
type OnFailure = 'restore' | 'flush' | 'hold';

/** `[service.NAME]` of knockctl.conf. Times in whole seconds, 0 meaning for ever. */
export interface ServiceSettings {
  /** 1 to 16 characters of [A-Za-z0-9_-], not beginning with `-`: it becomes part of chain and set names. */
  readonly name: string;
  readonly protocol: Protocol;
  /** 1 to 15 ports (iptables multiport takes no more), in the order written. */
  readonly ports: readonly number[];
  /** Protect only these destinations, at most one a family; empty: whatever the destination. */
  readonly addresses: readonly string[];
  /** The chain the jump goes into: INPUT, FORWARD, DOCKER-USER or an administrator's own. */
  readonly chain: string;
  readonly acceptTimeoutS: number;
  readonly banTimeoutS: number;
  /** Of bans that doors cause; at least 1. */
  readonly decoyTimeoutS: number;
  /** Whether a knock helps whom a door has banned. */
  readonly decoys: 'keep' | 'until_knock';
  readonly onFailure: OnFailure;
  /** `strict`: what no rule of the table filter can open, the administrator's own included. */
  readonly gate: 'normal' | 'strict';
  /** What TCP packets meet that begin no connection and belong to none: the policy, or nothing of ours. */
  readonly strays: 'drop' | 'pass';
  /** That nobody can get in is meant. */
  readonly allowLockout?: true;
  /** Doors that act on this service may be recognised by the kernel itself. */
  readonly kernelDoors: boolean;
}

/** knockctl.conf with its defaults filled in and the `[options]` of knockd.conf merged. */
export interface Settings {
  readonly paths: {
    readonly doors: string;
    readonly trusted: string;
    readonly rules: string;
    readonly run: string;
    readonly state: string;
    /** The pid file: `<run>/knockctl.pid`, or the PidFile of knockd.conf. */
    readonly pidFile: string;
  };
  readonly listener: {
    readonly interfaces: readonly string[];
    /** Packets of the others are nothing to a door. */
    readonly families: readonly Family[];
    readonly user: string;
    /** What a copy of the TCP packet just counted is: a wrong packet, as in knockd, or nothing. */
    readonly duplicates: 'strict' | 'tolerate';
    /** A knock while the stop command is pending: a pair of its own, as in knockd, or a later stop. */
    readonly repeat: 'each' | 'extend';
  };
  readonly firewall: {
    readonly families: readonly Family[];
    readonly backend: 'auto' | 'nft' | 'legacy';
    readonly hook: 'first' | 'last';
    /** The gate of services that say none of their own. */
    readonly gate: 'normal' | 'strict';
    /** Limit of the drop log as iptables' limit match prints it (`6/min`); undefined: no log. */
    readonly log: string | undefined;
    /** Sources that each door in the kernel has room for at once. */
    readonly doorSources: number;
  };
  readonly failsafe: {
    readonly heartbeatMs: number;
    readonly switchTimeoutS: number;
    readonly listenerTimeoutMs: number;
    readonly maxRestarts: number;
    readonly rescueCommand: string | undefined;
  };
  readonly health: {
    /** Cron expressions of 5 or 6 fields. */
    readonly schedule: string;
    readonly resolve: string;
  };
  readonly log: {
    readonly level: 'error' | 'warn' | 'info' | 'debug';
    readonly file: string | undefined;
    readonly syslog: boolean;
    readonly json: boolean;
    /** `IP (HOST): DOOR: …` in place of `IP: DOOR: …`. */
    readonly lookup: boolean;
  };
  readonly services: readonly ServiceSettings[];
}

/** A command of a door that the supervisor carries out itself, on the address that knocked. */
export interface VerbCommand {
  readonly kind: 'verb';
  readonly verb: DoorVerb;
  readonly timeoutS: number | undefined;
  readonly service: string | undefined;
  /** The line as written, for logs. */
  readonly line: string;
}

/** A command of a door that /bin/sh runs, `%IP%` replaced by the address. */
interface ShellCommand {
  readonly kind: 'shell';
  readonly line: string;
}

export type DoorCommand = VerbCommand | ShellCommand;

/** What a door does for one family of addresses; undefined: nothing. */
export interface DoorActions {
  readonly start: DoorCommand | undefined;
  readonly stop: DoorCommand | undefined;
}

/** Where a door's sequences stand that open it once each. */
export interface OneTimeSettings {
  readonly path: string;
  /** The line of knockd.conf that names the file. */
  readonly line: number;
}

/** A door of knockd.conf: what recognises it, and what it triggers. */
export interface DoorSettings {
  readonly door: Door;
  readonly line: number;
  readonly actions: Readonly<Record<Family, DoorActions>>;
  /** From the end of the start command to the stop command, in milliseconds. */
  readonly cmdTimeoutMs: number;
  /** One_Time_Sequences: `door.sequence` is then the first one left when the configuration was read. */
  readonly oneTime: OneTimeSettings | undefined;
}

/** One line of knockd.trusted: a literal network, or a host name to resolve. */
export interface TrustedEntry {
  readonly line: number;
  /** As written, host names in lower case. */
  readonly text: string;
  /** The canonical network; undefined for a host name. */
  readonly network: string | undefined;
}

/** Everything that the supervisor runs from. */
export interface Config {
  /** The knockctl.conf that was read; undefined where the default one does not exist. */
  readonly file: string | undefined;
  readonly settings: Settings;
  readonly doors: readonly DoorSettings[];
  readonly trusted: readonly TrustedEntry[];
  /** Faults that stop nothing, each as `file:line: text`. */
  readonly warnings: readonly string[];
  /** What others could have written, and is therefore left out; empty where such a file is a fault (load-options.ts). */
  readonly leftOut: readonly LeftOut[];
  /** The files that it was read from, as they were then; one-time sequences are not among them. */
  readonly sources: readonly Source[];
}

/** A file of the configuration; `text` is null where there was none. */
export interface Source {
  readonly path: string;
  readonly text: string | null;
  /** Present where the file could not be trusted: why. */
  readonly weakness?: Weakness;
}

/** A file that cannot be trusted. */
export interface LeftOut {
  /** The file, why it cannot be trusted, and what of it is left out. */
  readonly text: string;
  /** The command that fixes it. */
  readonly fix: string;
}
