import type { Clock } from '../../system/clock.js';
import { isFromFile } from '../entries/trusted-sync.js';
import type { Journal } from '../journal/journal.js';
import type { Generation } from './generation.js';
import { recordInventory, type KernelPlaces } from './inventory-record.js';
import { refuseMissing } from './parent-chains.js';
import { pruneOrphans } from './prune.js';
import { hasNoTrackedSessions, trackSessions } from './track-udp.js';

/**
 * How a generation comes into force:
 * - fresh: nothing of ours is in force; the jumps are committed later, once knocks are heard
 * - adopt: rules of a previous run are in force, and stay so until the jumps are committed
 * - replace: a reload, for good
 * - candidate: a reload on trial, beside the generation that the kernel goes back to
 * - confirm: the candidate becomes the only one
 * - setup: `knockctl setup`, without a supervisor
 */
export const APPLY_MODES = ['fresh', 'adopt', 'replace', 'candidate', 'confirm', 'setup'] as const;
export type ApplyMode = (typeof APPLY_MODES)[number];

/**
 * What is done with a generation, one after the other:
 * - record: writes down what is about to be in the kernel, and saves the rules that were found
 * - stage: makes sets and chains, which no packet meets yet
 * - copy: gives a candidate the trusted addresses of the generation in force
 * - require: ends it here if a chain that a jump belongs into is missing
 * - hand over: a new listener takes over, and the generation becomes the current one
 * - trust: puts the trusted list into the sets; `resolve` looks up its host names besides
 * - feed: feeds the watchdog, so that the jumps shut nothing for a moment that is to be open
 * - commit: the jumps, in one transaction
 * - begin: starts the kernel's timer of a trial
 * - prune: takes out what earlier configurations have left
 */
type Step =
  | 'record'
  | 'stage'
  | 'copy'
  | 'require'
  | 'hand over'
  | 'trust'
  | 'resolve'
  | 'feed'
  | 'commit'
  | 'begin'
  | 'prune';

/**
 * The safe order, for each mode. Nothing is in the kernel that is not recorded, no jump leads to what is not whole, no old chain goes
 * while a jump leads there.
 */
export const STEPS: Readonly<Record<ApplyMode, readonly Step[]>> = {
  fresh: ['record', 'stage', 'require', 'trust'],
  adopt: ['record', 'stage', 'trust'],
  replace: ['record', 'stage', 'require', 'hand over', 'trust', 'feed', 'commit', 'prune'],
  candidate: ['record', 'stage', 'copy', 'require', 'hand over', 'trust', 'feed', 'commit', 'begin'],
  // The old chains meet no packet any more: their names and lists become the new ones first.
  confirm: ['trust', 'record', 'stage', 'commit'],
  setup: ['record', 'stage', 'trust', 'resolve', 'commit', 'prune'],
};

interface ApplyParts {
  readonly places: KernelPlaces;
  readonly journal: Pick<Journal, 'record'>;
  readonly clock: Clock;
  /** The step `hand over`. */
  readonly handOver?: () => Promise<void>;
  /** The step `resolve`. */
  readonly resolve?: () => Promise<void>;
  /** For setup: rules of a previous run are in force. */
  readonly adopted?: boolean;
  /** How long a trial lasts, in seconds. */
  readonly trialS?: number | undefined;
}

/** Brings a generation into force. Gives what whoever asked for it must hear. Rejects at the first step that fails. */
export async function applyGeneration(
  generation: Generation,
  mode: ApplyMode,
  parts: ApplyParts,
): Promise<string[]> {
  const notes: string[] = [];
  const adopted = mode === 'setup' ? parts.adopted === true : mode !== 'fresh';
  const startsTracking = !adopted && hasNoTrackedSessions(generation.firewall.services);
  for (const step of STEPS[mode]) {
    await RUN[step](generation, { ...parts, adopted });
    if (step === 'stage' && startsTracking) notes.push(await trackSessions(parts.clock, parts.journal));
  }
  return notes;
}

type RunStep = (generation: Generation, parts: ApplyParts) => Promise<void>;

const RUN: Readonly<Record<Step, RunStep>> = {
  record: async ({ firewall }, { adopted, places, journal, clock }) =>
    recordInventory(firewall, adopted === true, places, journal, clock),
  stage: async ({ firewall }) => firewall.prepare(),
  copy: async ({ firewall }) => {
    await firewall.trial?.reset();
    await firewall.trial?.copyTrusted(isFromFile);
  },
  require: async ({ firewall }) => {
    refuseMissing(firewall.missingParentChains);
    return Promise.resolve();
  },
  'hand over': async (_, { handOver }) => handOver?.(),
  trust: async ({ trusted }) => trusted.apply(),
  resolve: async (_, { resolve }) => resolve?.(),
  feed: async ({ config, firewall }) => firewall.feed(config.settings.failsafe.switchTimeoutS),
  commit: async ({ firewall }) => {
    await firewall.repair();
  },
  begin: async ({ firewall }, { trialS = 0 }) => firewall.trial?.begin(trialS),
  prune: async ({ firewall }, { places, journal }) => {
    await pruneOrphans(firewall, places.inventory, journal);
  },
};
