import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isListing, isStatusReport, type ListedEntry, type StatusReport } from '../../src/wire/reports.js';
import { wrongDocuments } from './wrong-documents.js';

const REPORT: StatusReport = {
  state: 'armed',
  meaning: 'shut',
  since: '2026-01-02T03:04:05.000Z',
  reason: 'the listener hears',
  pid: 1,
  backend: 'nft',
  listener: {
    pid: 2,
    interfaces: ['any'],
    packets: 3,
    silent: 0.4,
    selfKnock: { roundTrip: 1.5, age: 0.2, asked: 7, lost: 0 },
  },
  protected: true,
  lacking: ['nothing'],
  exposures: [
    {
      kind: 'exception',
      service: 'ssh',
      family: 4,
      ports: [22],
      table: 'filter',
      chain: 'INPUT',
      number: 1,
      rule: '-A INPUT -j ACCEPT',
      sources: 'everybody',
      text: 'text',
      fix: 'fix',
    },
  ],
  services: [
    {
      name: 'ssh',
      protocol: 'tcp',
      ports: [22],
      onFailure: 'closed',
      gate: 'strict',
      switchLeft: 12,
      rules: [
        {
          family: 6,
          chains: true,
          jump: true,
          awaits: 'DOCKER-USER',
          whole: ['filter', 'mangle'],
          unread: 'why',
          unknown: true,
        },
      ],
      setsUnread: 'why',
      entries: { banned: 1, trusted: 2, filter: 3, decoyed: 4, granted: 5 },
    },
  ],
  repairs: { count: 1, last: 'text', time: '2026-01-02T03:04:05.000Z' },
  doors: [{ name: 'open', kernel: [4, 6], reasons: ['reason'], sequence: '1:tcp', knocks: 1 }],
  pendingStops: 0,
  entriesKept: { saved: '2026-01-02T03:04:05.000Z', problem: 'why' },
  nextHealthCheck: '2026-01-02T03:04:05.000Z',
  configuration: '/etc/knockctl/knockctl.conf',
  trial: { left: 1, until: '2026-01-02T03:04:05.000Z' },
  unconfirmed: 'text',
  leftOut: [{ text: 'text', fix: 'fix' }],
};

const NULL = [
  ...['pid', 'backend', 'listener', 'listener.pid', 'listener.silent', 'listener.selfKnock', 'protected'],
  ...['service', 'chain', 'number', 'rule', 'fix'].map((key) => `exposures.0.${key}`),
  ...['services.0.switchLeft', 'repairs.last', 'repairs.time', 'entriesKept.saved', 'entriesKept.problem'],
  ...['nextHealthCheck', 'configuration', 'trial', 'unconfirmed'],
];
const ABSENT = [
  ...['lacking', 'leftOut', 'services.0.gate', 'services.0.setsUnread'],
  ...['awaits', 'whole', 'unread', 'unknown'].map((key) => `services.0.rules.0.${key}`),
];

/** A document with one field left out, or null. */
function without(path: string, isNull: boolean): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(REPORT));
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let at = copy as Record<string, unknown>;
  for (const key of keys) at = at[key] as Record<string, unknown>;
  if (isNull) at[last] = null;
  else Reflect.deleteProperty(at, last);
  return copy;
}

describe('the report of a supervisor', () => {
  it('is believed as it should be, with what may be null or left out, and with more than we know', () => {
    assert.ok(isStatusReport(REPORT));
    for (const path of NULL) assert.ok(isStatusReport(without(path, true)), `${path} null`);
    for (const path of ABSENT) assert.ok(isStatusReport(without(path, false)), `${path} left out`);
    assert.ok(isStatusReport({ ...REPORT, ofALaterVersion: 1 }));
  });

  it('is not believed where any one field is of another type, null or left out', () => {
    const wrong = wrongDocuments(REPORT, { null: NULL, absent: ABSENT });
    assert.ok(wrong.length > 250, String(wrong.length));
    for (const { where, document } of wrong) assert.ok(!isStatusReport(document), where);
  });

  it('is not believed where a word is none that we know', () => {
    const [service] = REPORT.services;
    const [exposure] = REPORT.exposures;
    for (const wrong of [
      { state: 'fine' },
      { exposures: [{ ...exposure, kind: 'other' }] },
      { exposures: [{ ...exposure, family: 5 }] },
      { services: [{ ...service, gate: 'half' }] },
      { services: [{ ...service, rules: [{ ...service?.rules[0], unknown: false }] }] },
    ])
      assert.ok(!isStatusReport({ ...REPORT, ...wrong }), JSON.stringify(wrong));
  });
});

describe('a list of entries', () => {
  const entry: ListedEntry = {
    service: 'ssh',
    list: 'banned',
    address: '192.0.2.1',
    timeout: 5,
    by: 'cli',
    decoyed: true,
  };

  it('is believed as it should be', () => {
    assert.ok(isListing([]));
    assert.ok(isListing([entry, { ...entry, timeout: null }]));
  });

  it('is not believed where any one field of an entry is wrong', () => {
    const wrong = wrongDocuments([entry], { null: ['0.timeout'], absent: ['0.decoyed'] });
    for (const { where, document } of wrong) assert.ok(!isListing(document), where);
    assert.ok(!isListing([{ ...entry, list: 'granted' }]));
    assert.ok(!isListing([entry, { ...entry, decoyed: false }]));
  });
});
