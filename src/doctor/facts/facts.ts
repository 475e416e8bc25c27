import type { StatusState } from '../../wire/state.js';
import type { Family } from '../../base/address.js';
import type { ConfigFault } from '../../base/errors.js';
import type { Config } from '../../config/settings.js';
import type { BackendName } from '../../firewall/model/backend-name.js';
import type { Native } from '../../firewall/exposure/native.js';
import type { TemplateRemark } from '../../firewall/rules/template-remarks.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { ListeningPort } from '../../system/listening.js';
import type { SshSession } from '../../system/session.js';
import type { Recognised } from '../../wire/reports.js';
import type { NftTable } from './nft-table.js';

/** The result of a test packet to the capture; `isModule`: the capture module could not be loaded. */
export type Probe =
  | { readonly heard: true; readonly afterMs: number }
  | { readonly heard: false; readonly why: string; readonly isModule?: boolean };

/** A file from which rules are loaded at boot. */
export interface SavedRules {
  readonly path: string;
  readonly text: string;
}

/** A file that sets are loaded from at boot; `by`: the program that does. */
export interface SavedSets extends SavedRules {
  readonly by: string;
}

/** A file that reveals a sequence and that every user can read; `holds`: what it contains, as a verb phrase. */
export interface ReadableSecret {
  readonly path: string;
  readonly holds: string;
}

/** The state of the supervisor, by its lock, its answer and its records; `unknown` if it cannot be determined. */
export type SupervisorStatus =
  | { readonly kind: 'stopped' | 'dead' | 'silent' | 'unknown' }
  | { readonly kind: 'running'; readonly state: StatusState; readonly meaning: string };

/** An unconfirmed trial of exactly this configuration. */
export interface UnconfirmedTrial {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Whether an earlier configuration exists, which is used instead. */
  readonly hasBefore: boolean;
}

/** What can start knockctl on this host. */
export interface Starters {
  /** The init system; undefined: unknown, as in most containers. */
  readonly init: 'systemd' | 'sysv' | undefined;
  /** The state of knockctl's own unit in systemd; a unit generated from the script does not count. */
  readonly unit: 'absent' | 'disabled' | 'enabled';
  /** The script in /etc/init.d; `enabled`: a run level has a start link, `disabled`: there are only stop links. */
  readonly script: 'absent' | 'unlinked' | 'disabled' | 'enabled';
  readonly cron: {
    /** The cron file that calls restartifdead exists. */
    readonly file: boolean;
    /** A cron daemon is installed. */
    readonly program: boolean;
  };
}

/** A listening port, and the name of its program if known. */
export interface Listening extends Omit<ListeningPort, 'inode'> {
  readonly program: string | undefined;
}

/** A rule that iptables cannot print. */
export interface BlockingRule {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  /** As nft prints it. */
  readonly text: string;
  /** The handle by which nft deletes it. */
  readonly handle: number;
  /** The well-known program whose names appear in that table. */
  readonly program: string | undefined;
}

/** The input of all checks, gathered once by gather.ts, so that checks are pure. */
export interface Facts {
  /** The configuration, or its faults; `isWritten`: a knockctl.conf exists. */
  readonly config:
    | { readonly ok: true; readonly value: Config }
    | { readonly ok: false; readonly faults: readonly ConfigFault[]; readonly isWritten: boolean };
  /** The faults of the rule template. */
  readonly templateFaults: readonly ConfigFault[];
  /** What the template lacks. */
  readonly templateRemarks: readonly TemplateRemark[];
  /** Which matches this kernel lacks (readableNotes). */
  readonly unreadable: readonly string[];
  /** Where each door of the configuration is recognised. */
  readonly recognised: readonly Recognised[];
  /** The unconfirmed trial of this configuration; a text if its record cannot be read. */
  readonly unconfirmedTrial: UnconfirmedTrial | string | undefined;
  readonly supervisor: SupervisorStatus;
  /** The names of missing programs. */
  readonly missingTools: readonly string[];
  /** Why ipset does not work; undefined: it works. */
  readonly ipsetProblem: string | undefined;
  readonly probe: Probe;
  /** The back end that holds knockctl's rules, or will; undefined if it could not be chosen. */
  readonly backend: BackendName | undefined;
  /** The rules in force, by back end; a family without rules is missing. */
  readonly rules: ReadonlyMap<BackendName, ReadonlyMap<Family, Ruleset>>;
  /** nft tables outside iptables that may drop packets. */
  readonly nftTables: readonly NftTable[];
  /** All nft base chains besides those of iptables; absent if nft cannot be run. */
  readonly native?: Native;
  /** nft rules in iptables tables that keep iptables-save from printing them; absent if there are none. */
  readonly blockingRules?: readonly BlockingRule[];
  /** Rules of this host that could not be read, and why. */
  readonly unread: readonly string[];
  /** Addresses of this host that other hosts can reach. */
  readonly addresses: readonly { readonly family: Family; readonly text: string }[];
  /** The names of all network interfaces. */
  readonly interfaces: readonly string[];
  /** The listener's user; `spare`: knockctl's own user is missing, and another one replaces it. */
  readonly listenerUser: 'fit' | 'spare' | 'absent' | 'root';
  readonly listening: readonly Listening[];
  /** The pids of other knockd processes. */
  readonly knockds: readonly number[];
  readonly savedRules: readonly SavedRules[];
  readonly savedSets?: readonly SavedSets[];
  readonly readableSecrets?: readonly ReadableSecret[];
  /** netfilter-persistent has the plugin that creates knockctl's sets before it loads rules. */
  readonly hasPlugin: boolean;
  readonly starters: Starters;
  /** The caller's own SSH session. */
  readonly session: SshSession | undefined;
}
