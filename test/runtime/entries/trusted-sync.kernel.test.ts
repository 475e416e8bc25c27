import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import type { Network } from '../../../src/base/address.js';
import { ok, refuse, type Result } from '../../../src/base/result.js';
import { parseTrusted } from '../../../src/config/trusted.js';
import { TrustedSync } from '../../../src/runtime/entries/trusted-sync.js';
import { recordingJournal } from '../../helpers/recorder.js';
import { network, SSH, VerbStand } from '../../helpers/verb-context.js';

/** A keeper on real sets, with hosts that the test decides on. */
class Stand implements AsyncDisposable {
  readonly verbs: VerbStand;
  readonly hosts = new Map<string, readonly string[] | 'lost'>();
  readonly stateFile: string;
  readonly lines: string[] = [];

  constructor(verbs: VerbStand) {
    this.verbs = verbs;
    this.stateFile = `${verbs.space.dir}/resolved.json`;
  }

  static async make(): Promise<Stand> {
    return new Stand(await new VerbStand([SSH]).build());
  }

  keeper(
    file: string,
    resolver = async (name: string): Promise<Result<readonly Network[]>> => this.resolve(name),
  ): TrustedSync {
    const { journal, lines } = recordingJournal();
    const keeper = new TrustedSync(parseTrusted(file, 'trusted').entries, {
      sets: this.verbs.context.sets,
      services: ['ssh'],
      resolver,
      journal,
      stateFile: this.stateFile,
    });
    this.lines.push(...lines);
    this.#lines = lines;
    return keeper;
  }

  #lines: string[] = [];

  /** Lines that the last keeper has logged since the last call. */
  take(): string[] {
    return this.#lines.splice(0);
  }

  async resolve(name: string): Promise<Result<readonly Network[]>> {
    const found = this.hosts.get(name) ?? 'lost';
    return Promise.resolve(found === 'lost' ? refuse(`${name} does not resolve`) : ok(found.map(network)));
  }

  async list(): Promise<string[]> {
    return this.verbs.list('ssh', 'trusted');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.verbs[Symbol.asyncDispose]();
  }
}

describe('the trusted keeper', () => {
  it('applies literal entries at once, asking nobody, and host names when it has looked them up', async () => {
    await using stand = await Stand.make();
    stand.hosts.set('home.test', ['198.51.100.7', '2001:db8::7']);
    const keeper = stand.keeper('192.0.2.1 office\n10.1.2.3/8\nhome.test\n');
    await keeper.apply();
    assert.deepEqual(await stand.list(), ['10.0.0.0/8 by file', '192.0.2.1 by file']);
    await keeper.refresh();
    assert.deepEqual(await stand.list(), [
      '10.0.0.0/8 by file',
      '192.0.2.1 by file',
      '198.51.100.7 by file home.test',
      '2001:db8::7 by file home.test',
    ]);
    assert.deepEqual(stand.take(), ['info trusted host home.test is 198.51.100.7, 2001:db8::7']);
    await keeper.refresh();
    assert.deepEqual(stand.take(), [], 'what has not changed is not told again');
  });

  it('follows a host to another address', async () => {
    await using stand = await Stand.make();
    stand.hosts.set('home.test', ['198.51.100.7']);
    const keeper = stand.keeper('home.test\n');
    await keeper.refresh();
    stand.hosts.set('home.test', ['198.51.100.8']);
    await keeper.refresh();
    assert.deepEqual(await stand.list(), ['198.51.100.8 by file home.test']);
  });

  it('keeps the last known addresses where DNS fails, says so once, and over a restart too', async () => {
    await using stand = await Stand.make();
    stand.hosts.set('home.test', ['198.51.100.7']);
    const keeper = stand.keeper('home.test\nnever.test\n');
    await keeper.refresh();
    stand.take();
    stand.hosts.set('home.test', 'lost');
    await keeper.refresh();
    await keeper.refresh();
    assert.deepEqual(stand.take(), [
      'warn home.test does not resolve; its last known addresses stay: 198.51.100.7',
    ]);
    assert.deepEqual(await stand.list(), ['198.51.100.7 by file home.test']);
    await stand.verbs.context.sets.empty('ssh', 'trusted');
    const later = stand.keeper('home.test\nnever.test\n');
    await later.apply();
    assert.deepEqual(await stand.list(), ['198.51.100.7 by file home.test']);
    await later.refresh();
    assert.deepEqual(stand.take().sort(), [
      'warn home.test does not resolve; its last known addresses stay: 198.51.100.7',
      'warn never.test does not resolve; nobody is let in by this line',
    ]);
    stand.hosts.set('home.test', ['198.51.100.7']);
    await later.refresh();
    stand.hosts.set('home.test', 'lost');
    await later.refresh();
    assert.equal(
      stand.take().filter((line) => line.includes('home.test')).length,
      1,
      'and again at the next failure',
    );
  });

  it('takes out what the file no longer has, and nothing of others', async () => {
    await using stand = await Stand.make();
    stand.hosts.set('home.test', ['198.51.100.7']);
    await stand.keeper('192.0.2.1\n192.0.2.2\nhome.test\n').refresh();
    const { sets } = stand.verbs.context;
    await sets.add('ssh', 'trusted', [
      { network: network('203.0.113.1'), timeoutS: 0, origin: 'cli' },
      { network: network('203.0.113.2'), timeoutS: 0, origin: 'filed by hand' },
      { network: network('203.0.113.3'), timeoutS: 0, origin: '' },
    ]);
    await stand.keeper('192.0.2.2\n').apply();
    assert.deepEqual(await stand.list(), [
      '192.0.2.2 by file',
      '203.0.113.1 by cli',
      '203.0.113.2 by filed by hand',
      '203.0.113.3 by ',
    ]);
  });

  it('does not believe a damaged state file, says so, and goes on', async () => {
    await using stand = await Stand.make();
    stand.hosts.set('home.test', ['198.51.100.7']);
    writeFileSync(stand.stateFile, '{"home.test": ["192.0');
    const keeper = stand.keeper('home.test\n');
    assert.match(stand.take()[0] ?? '', /^warn .*resolved\.json is damaged and not used/);
    await keeper.refresh();
    assert.deepEqual(JSON.parse(readFileSync(stand.stateFile, 'utf8')), { 'home.test': ['198.51.100.7'] });
    for (const text of [
      'null',
      '7',
      '[]',
      '{"home.test":"x"}',
      '{"home.test":[null,7,"10.0.0.0/8","x","1.2.3.4\\nflush"]}',
    ]) {
      writeFileSync(stand.stateFile, text);
      await stand.keeper('home.test\n').apply();
      assert.deepEqual(await stand.list(), [], text);
    }
  });

  it('brings nothing back that was taken out by hand', async () => {
    await using stand = await Stand.make();
    stand.hosts.set('home.test', ['198.51.100.7']);
    const keeper = stand.keeper('192.0.2.1\nhome.test\n10.1.2.3/8\n');
    await keeper.refresh();
    keeper.forget(['192.0.2.1', 'home.test']);
    await keeper.refresh();
    assert.deepEqual(await stand.list(), ['10.0.0.0/8 by file']);
    keeper.forgetAll();
    await keeper.refresh();
    assert.deepEqual(await stand.list(), []);
  });

  it('once retired, a look-up that is still going on does not bring the old list back', async () => {
    await using stand = await Stand.make();
    let answer: (result: Result<readonly Network[]>) => void = () => undefined;
    const slow = async (): Promise<Result<readonly Network[]>> =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const old = stand.keeper('192.0.2.1\nslow.test\n', slow);
    await old.apply();
    const refreshing = old.refresh();
    const fresh = stand.keeper('192.0.2.2\n');
    await fresh.apply();
    old.retire();
    answer(ok([network('198.51.100.7')]));
    await refreshing;
    assert.deepEqual(await stand.list(), ['192.0.2.2 by file']);
  });

  it('looks up few names at a time', async () => {
    await using stand = await Stand.make();
    let [now, most, asked] = [0, 0, 0];
    const names = Array.from({ length: 20 }, (_, index) => `h${index}.test`);
    const counting = async (name: string): Promise<Result<readonly Network[]>> => {
      now += 1;
      asked += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      now -= 1;
      return refuse(name);
    };
    await stand.keeper([...names, ...names].join('\n'), counting).refresh();
    assert.deepEqual([asked, most], [20, 2]);
  });
});
