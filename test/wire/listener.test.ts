import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { ProtocolError } from '../../src/base/errors.js';
import {
  LISTENER_LIMIT,
  readListenerMessage,
  readListenerConfig,
  type ListenerConfig,
} from '../../src/wire/listener.js';
import { frame } from '../../src/wire/frames.js';
import { door } from '../knock/support.js';

const GOOD: readonly Readonly<Record<string, unknown>>[] = [
  { type: 'ready', interfaces: ['any'] },
  { type: 'ready', interfaces: [] },
  { type: 'beat', packets: 0 },
  { type: 'knock', door: 0, address: '192.0.2.7' },
  { type: 'knock', door: 3, address: '2001:db8::7' },
  { type: 'knock', door: 3, address: '2001:db8::7', sequence: 1 },
  { type: 'stage', door: 1, address: '192.0.2.7', stage: 1 },
  { type: 'timeout', door: 1, address: '2001:db8::1', stage: 32 },
  { type: 'suppressed', count: 1 },
  { type: 'fatal', reason: 'x'.repeat(1500) },
];

const whole = (value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;

/** Nobody elsewhere has such an address. */
const NOBODYS = /^(?:0|127|22[4-9]|23\d)\.|^255\.255\.255\.255$|^::1?$|^ff[0-9a-f]{2}:/;

/** Canonical, by other means than ours: Node's isIP and the URL parser. */
function canonicalAddress(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  if (NOBODYS.test(value)) return false;
  if (isIP(value) === 4) return value === new URL(`http://${value}`).hostname;
  if (isIP(value) !== 6 || value.includes('%')) return false;
  return (
    `[${value}]` === new URL(`http://[${value}]`).hostname && !/^::ffff:[0-9a-f]+:[0-9a-f]+$/.test(value)
  );
}

const text = (value: unknown, max: number): boolean => typeof value === 'string' && value.length <= max;

/** Fields that a kind may have as well. */
const OPTIONAL: Readonly<Record<string, (value: unknown) => boolean>> = {
  sequence: (value) => whole(value, 1),
};

/** What each kind holds, in another form than the guard has it. */
const KINDS: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  ready: {
    interfaces: (value) =>
      Array.isArray(value) && value.length <= 64 && value.every((item) => text(item, 32)),
  },
  beat: { packets: (value) => whole(value, 0) },
  knock: { door: (value) => whole(value, 0), address: canonicalAddress },
  stage: {
    door: (value) => whole(value, 0),
    address: canonicalAddress,
    stage: (value) => whole(value, 1, 32),
  },
  timeout: {
    door: (value) => whole(value, 0),
    address: canonicalAddress,
    stage: (value) => whole(value, 1, 32),
  },
  suppressed: { count: (value) => whole(value, 1) },
  fatal: { reason: (value) => text(value, 1500) },
};

function isMessage(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = new Map<string, unknown>(Object.entries(value));
  const type = entries.get('type');
  if (typeof type !== 'string' || !Object.hasOwn(KINDS, type)) return false;
  const kind = KINDS[type] ?? {};
  const extra = type === 'knock' && entries.has('sequence') ? OPTIONAL : {};
  const checks = Object.entries({ ...kind, ...extra });
  return (
    entries.size === checks.length + 1 &&
    checks.every(([key, check]) => entries.has(key) && check(entries.get(key)))
  );
}

function accepted(value: unknown): boolean {
  try {
    assert.deepEqual(readListenerMessage(value), value);
    return true;
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    return false;
  }
}

describe('messages of the listener', () => {
  for (const message of GOOD) {
    it(`takes ${JSON.stringify(message).slice(0, 60)}`, () => {
      assert.ok(isMessage(message), 'the model agrees');
      assert.deepEqual(readListenerMessage(message), message);
      assert.ok(Buffer.byteLength(frame(message)) - 1 <= LISTENER_LIMIT);
    });

    it(`refuses ${JSON.stringify(message).slice(0, 60)} with a key more, or one less`, () => {
      assert.equal(accepted({ ...message, more: 1 }), false);
      assert.equal(accepted({ ...message, verb: 'flush' }), false);
      for (const key of Object.keys(message).filter((name) => !(name in OPTIONAL))) {
        assert.equal(
          accepted(Object.fromEntries(Object.entries(message).filter(([name]) => name !== key))),
          false,
        );
      }
    });
  }

  it('never takes random JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(accepted(value), isMessage(value));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes a message with one field changed only where it is still one', () => {
    const key = fc.constantFrom(
      'type',
      'interfaces',
      'packets',
      'door',
      'address',
      'stage',
      'count',
      'reason',
      'sequence',
      '__proto__',
      'constructor',
    );
    const other = fc.oneof(
      fc.jsonValue(),
      fc.integer({ min: -2, max: 40 }),
      fc.double(),
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom(
        ...Object.keys(KINDS),
        '::ffff:1.2.3.4',
        '1.2.3.4/32',
        '1.2.3.4 ',
        '2001:DB8::1',
        'any',
      ),
      fc.string({ minLength: 1490, maxLength: 1510 }),
    );
    let kept = 0;
    fc.assert(
      fc.property(fc.constantFrom(...GOOD), key, other, (message, name, value) => {
        const changed: unknown = JSON.parse(JSON.stringify({ ...message, [name]: value }));
        kept += isMessage(changed) ? 1 : 0;
        assert.equal(accepted(changed), isMessage(changed));
      }),
      { numRuns: 4000 },
    );
    assert.ok(kept > 40, `${kept} of the changed messages were still messages`);
  });

  for (const address of [
    '::ffff:192.0.2.7',
    '192.0.2.7/32',
    '192.0.2.0/24',
    '2001:DB8::7',
    '2001:0db8::7',
    '::1/128',
    ' 192.0.2.7',
    'fe80::1%eth0',
    'example.org',
    '$(reboot)',
    '',
  ]) {
    it(`refuses the address ${JSON.stringify(address)}`, () => {
      for (const type of ['knock', 'stage', 'timeout']) {
        const stage = type === 'knock' ? {} : { stage: 1 };
        assert.equal(accepted({ type, door: 0, address, ...stage }), false);
      }
    });
  }
});

describe('the order to the listener', () => {
  const order: ListenerConfig = {
    type: 'listen',
    interfaces: ['any'],
    families: [4, 6],
    user: 'nobody',
    beatMs: 500,
    reportOnly: false,
    tolerateDuplicates: true,
    doors: [door('7000,8000:udp')],
    oneTime: [{ door: 1, sequences: [{ id: 1, sequence: [{ port: 1, protocol: 'tcp' }] }] }],
  };

  it('comes through JSON as it is', () => {
    const sent: unknown = JSON.parse(JSON.stringify(order));
    assert.deepEqual(readListenerConfig(sent), sent);
  });

  it('is refused where a part is missing or of another kind', () => {
    const wrong = [
      null,
      [],
      'listen',
      { ...order, type: 'ready' },
      { ...order, interfaces: 'any' },
      { ...order, interfaces: Array.from({ length: 65 }, () => 'a') },
      { ...order, user: 0 },
      { ...order, beatMs: 0 },
      { ...order, doors: [{}] },
      { ...order, doors: undefined },
      { ...order, oneTime: undefined },
      { ...order, oneTime: [{ door: 1, sequences: [{ id: 0, sequence: [] }] }] },
      { ...order, reportOnly: 1 },
      { ...order, tolerateDuplicates: 1 },
      { ...order, families: undefined },
      { ...order, families: [5] },
      { ...order, families: [4, 6, 4] },
    ];
    for (const value of wrong) assert.throws(() => readListenerConfig(value), ProtocolError);
  });
});
