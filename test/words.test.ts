/** One word for each idea (docs/glossary.md): the words of before do not come back as identifiers of src. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** Words that no identifier has as a part of it, in whatever case, and the word instead: `self knock` is in `isSelfKnock`. */
const NOWHERE: Readonly<Record<string, string>> = {
  world: 'generation',
  lasting: 'persistent state',
  engine: 'failsafe controller',
  rhythm: 'scheduler',
  keeper: 'persistence, sync, supervisor, handler',
  'door keeping': 'kernel door sets',
  footprint: 'inventory',
  remains: 'orphans',
  leftovers: 'orphans',
  presence: 'instance lock',
  findable: 'run dir monitor',
  'take place': 'acquire',
  'self knock': 'loopback probe',
  happening: 'event record',
  'start wish': 'start request',
  'listen order': 'listener config',
  'door book': 'door registry',
  'set memory': 'persistence port',
  'only tells': 'report only',
  'hear no more': 'stop listener',
  'owes nothing': 'has no pending probe',
  unproven: 'last proof age',
  condemn: 'kill compromised',
  'look closely': 'force resync',
  'tidy up': 'prune orphans',
  'tried in vain': 'unconfirmed trial',
  'sent on': 'redirected',
  fight: 'conflict',
  culprit: 'author',
  culprits: 'authors',
  witness: 'ruleset revision',
  mend: 'fix',
  'stand in': 'fake, fixture',
};

/** Words that are no name by themselves, written just so; a longer name may have them in it. */
const ALONE: Readonly<Record<string, string>> = {
  Guard: 'Reconciler',
  Ear: 'ListenerController',
  Hearing: 'ListenerMessage',
  Means: 'Launchers',
  Turns: 'KeyedMutex',
  Budget: 'TokenBucket',
  Moment: 'BootTimestamp',
  Rescue: 'RescueCommand',
  Unconfirmed: 'UnconfirmedTrial',
  Awaited: 'MissingParentChain',
  Contest: 'ConflictBackoff',
  Direct: 'OfflineControl',
  Ending: 'Shutdown, TeardownOptions',
  Life: 'SupervisorStatus',
  Tried: 'UnconfirmedTrial',
  Lane: 'Priority',
  ShellLine: 'ShellCommand',
  carryOut: 'dispatch',
  giveUp: 'forceOnFailure',
  goesOn: 'keepsRunning',
  isCalm: 'isQuiet',
  takeOut: 'prune, uninstall, remove',
};

/** Where an old word still is. What has gone from here is taken out of this list, and nothing is added. */
const LEFT: Readonly<Record<string, readonly string[]>> = {
  culprit: ['supervisor/failsafe/ruleset-monitor.ts', 'supervisor/failsafe/unreadable-rules-warning.ts'],

  fight: [
    'supervisor/failsafe/conflict-backoff.ts',
    'supervisor/failsafe/controller.ts',
    'supervisor/failsafe/reconciler.ts',
  ],
  findable: ['supervisor/daemon.ts', 'supervisor/run-dir-monitor.ts'],
  footprint: ['ctl/lifecycle/too-late.ts'],
  giveUp: ['ctl/setup/init/trial.ts', 'ctl/setup/init/try-out.ts'],
  goesOn: ['ctl/knockd/knockd-front.ts'],
  isCalm: ['supervisor/listener/listener-supervisor.ts'],
  keeper: ['ctl/print/show.ts', 'runtime/entries/entry-persistence.ts', 'wire/reports.ts'],

  presence: ['supervisor/daemon.ts', 'supervisor/run-dir-monitor.ts'],
  'self knock': [
    'ctl/print/show.ts',
    'knock/filter.ts',
    'listener/listener.ts',
    'listener/sniffer.ts',
    'supervisor/control/status-report.ts',
    'supervisor/listener/instance.ts',
    'supervisor/listener/listener-supervisor.ts',
    'wire/listener.ts',
    'wire/reports.ts',
  ],

  takeOut: ['ctl/lifecycle/lifecycle.ts'],
  'tried in vain': [
    'bin/context.ts',
    'ctl/context.ts',
    'ctl/lifecycle/lifecycle.ts',
    'ctl/lifecycle/restart-if-dead.ts',
    'ctl/lifecycle/status.ts',
  ],
  unproven: ['runtime/generation/knock-counters.ts', 'supervisor/listener/instance.ts'],
};

/** What `isSelfKnock` says: ` is self knock `. */
function spoken(identifier: string): string {
  const words = identifier.replaceAll(/([a-z\d])(?=[A-Z])|[_#$]+/g, '$1 ');
  return ` ${words.toLowerCase()} `;
}

/** The old words in an identifier. */
function oldWords(identifier: string): string[] {
  const text = spoken(identifier);
  const parts = Object.keys(NOWHERE).filter((word) => text.includes(` ${word} `));
  const whole = identifier.replace('#', '');
  return Object.hasOwn(ALONE, whole) ? [...parts, whole] : parts;
}

/** The identifiers of a file, each once; comments and strings have none. */
function identifiers(text: string): Set<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) found.add(node.text);
    node.forEachChild(visit);
  };
  visit(ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest));
  return found;
}

describe('words', () => {
  it('finds old words in identifiers, and in nothing else', () => {
    assert.deepEqual(oldWords('makeWorld'), ['world']);
    assert.deepEqual(oldWords('SELF_KNOCK_PORT'), ['self knock']);
    assert.deepEqual(oldWords('#isFight'), ['fight']);
    assert.deepEqual(oldWords('Unconfirmed'), ['Unconfirmed']);
    assert.deepEqual(oldWords('#takeOut'), ['takeOut']);
    assert.deepEqual(oldWords('UnconfirmedTrial'), []);
    assert.deepEqual(oldWords('guard'), []);
    const text = '/** the world */ const engine = `${this.#ear} world`; // Guard';
    assert.deepEqual([...identifiers(text)], ['engine', '#ear']);
  });

  it('has no old word in an identifier of src', () => {
    const found = new Map<string, string[]>();
    const wrong: string[] = [];
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    );
    assert.ok(files.length > 200, `only ${files.length} files found`);
    for (const path of files.sort()) {
      for (const identifier of identifiers(readFileSync(join(SRC, path), 'utf8'))) {
        for (const word of oldWords(identifier)) {
          found.set(word, [...new Set([...(found.get(word) ?? []), path])]);
          if (LEFT[word]?.includes(path) === true) continue;
          wrong.push(`${path}: ${identifier}; instead of “${word}”: ${NOWHERE[word] ?? ALONE[word] ?? ''}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
    const gone = Object.entries(LEFT).flatMap(([word, paths]) =>
      paths.filter((path) => found.get(word)?.includes(path) !== true).map((path) => `${word}: ${path}`),
    );
    assert.deepEqual(gone, [], 'to be taken out of LEFT, for the word is there no more');
  });
});
