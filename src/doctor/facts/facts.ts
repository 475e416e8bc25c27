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

/** What the capture heard of a packet that was sent to it; `isModule`: not even its module could be loaded. */
export type Probe =
  | { readonly heard: true; readonly afterMs: number }
  | { readonly heard: false; readonly why: string; readonly isModule?: boolean };

/** A file that rules are loaded from at boot. */
export interface SavedRules {
  readonly path: string;
  readonly text: string;
}

/** A file that sets are loaded from at boot; `by`: the program that does. */
export interface SavedSets extends SavedRules {
  readonly by: string;
}

/** A file with the sequence in it that every user can read; `holds`: what it says. */
export interface ReadableSecret {
  readonly path: string;
  readonly holds: string;
}

/** How it is with the supervisor: by its lock, its word, and what it left; `unknown` where what is needed to ask is missing. */
export type SupervisorStatus =
  | { readonly kind: 'stopped' | 'dead' | 'silent' | 'unknown' }
  | { readonly kind: 'running'; readonly state: StatusState; readonly meaning: string };

/** A trial of just this configuration that nobody has confirmed. */
export interface UnconfirmedTrial {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Whether there is an earlier configuration, which is in force instead. */
  readonly hasBefore: boolean;
}

/** What there is on this host to start knockctl. */
export interface Starters {
  /** Who starts what is to run at a boot; undefined: nobody that we know, as in most containers. */
  readonly init: 'systemd' | 'sysv' | undefined;
  /** Our own unit, as systemd knows it; one that stands for the script does not count. */
  readonly unit: 'absent' | 'disabled' | 'enabled';
  /** The script in /etc/init.d; `enabled`: a run level has a link that starts it, `disabled`: links that stop it alone. */
  readonly script: 'absent' | 'unlinked' | 'disabled' | 'enabled';
  readonly cron: {
    /** The file that has restartifdead called. */
    readonly file: boolean;
    /** The program that reads it. */
    readonly program: boolean;
  };
}

/** A port that somebody listens at, and the name of the program, where it could be found out. */
export interface Listening extends Omit<ListeningPort, 'inode'> {
  readonly program: string | undefined;
}

/** A rule that iptables cannot show. */
export interface InTheWay {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
  /** As nft prints it. */
  readonly text: string;
  /** What nft deletes it by. */
  readonly handle: number;
  /** A well-known program that leaves its name in that table. */
  readonly program: string | undefined;
}

/** All that the checks look at: gathered once, by gather.ts, so that a check computes and does nothing else. */
export interface Facts {
  /** The configuration, or what is wrong with it; `isWritten`: there is a knockctl.conf at all. */
  readonly config:
    | { readonly ok: true; readonly value: Config }
    | { readonly ok: false; readonly faults: readonly ConfigFault[]; readonly isWritten: boolean };
  /** What is wrong with the template of the rules. */
  readonly templateFaults: readonly ConfigFault[];
  /** What it lacks, so that packets get by. */
  readonly templateRemarks: readonly TemplateRemark[];
  /** What this kernel lacks to read all packets (readableNotes). */
  readonly unreadable: readonly string[];
  /** Of each door of the configuration, where it is recognised. */
  readonly recognised: readonly Recognised[];
  /** What is noted of a trial of this configuration; a text where the note cannot be read. */
  readonly tried: UnconfirmedTrial | string | undefined;
  readonly life: SupervisorStatus;
  /** Names of programs that are needed and are not there. */
  readonly missingTools: readonly string[];
  /** Whether ipset can be used; undefined: it can. */
  readonly ipsetProblem: string | undefined;
  readonly probe: Probe;
  /** The back end that has rules of ours, or that they go to; undefined where it could not be chosen. */
  readonly backend: BackendName | undefined;
  /** The rules in force, by back end; a family is missing where nothing is there. */
  readonly rules: ReadonlyMap<BackendName, ReadonlyMap<Family, Ruleset>>;
  /** Tables of nft that iptables knows nothing of, where they may refuse packets. */
  readonly nftTables: readonly NftTable[];
  /** All base chains of nft beside the tables that iptables tells; absent where nft cannot be asked. */
  readonly native?: Native;
  /** Rules of nft in tables of iptables that keep iptables-save from showing these; none where it shows them. */
  readonly inTheWay?: readonly InTheWay[];
  /** Rules of this host that could not be read, and why. */
  readonly unread: readonly string[];
  /** Addresses of this host that others reach. */
  readonly addresses: readonly { readonly family: Family; readonly text: string }[];
  /** The names of all network interfaces. */
  readonly interfaces: readonly string[];
  /** What the user of the listener is; `spare`: our own is missing, and somebody else stands in. */
  readonly listenerUser: 'fit' | 'spare' | 'absent' | 'root';
  readonly listening: readonly Listening[];
  /** Process numbers of another knockd. */
  readonly knockds: readonly number[];
  readonly savedRules: readonly SavedRules[];
  readonly savedSets?: readonly SavedSets[];
  readonly readableSecrets?: readonly ReadableSecret[];
  /** netfilter-persistent has the plugin that makes our sets before it loads rules. */
  readonly hasPlugin: boolean;
  readonly starters: Starters;
  /** The caller's own SSH session. */
  readonly session: SshSession | undefined;
}
