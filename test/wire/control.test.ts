import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { ProtocolError } from '../../src/base/errors.js';
import { readControlFrame, readRequest, type Request } from '../../src/wire/control.js';
import { wrongDocuments } from './wrong-documents.js';

const GOOD: readonly Request[] = [
  { verb: 'accept', targets: ['1.2.3.4'] },
  { verb: 'accept', targets: ['1.2.3.4', 'x'], timeoutS: 0, service: 'ssh', force: true },
  { verb: 'drop', targets: ['::1'], timeoutS: 2_147_483, force: false, session: '1.2.3.4' },
  { verb: 'trust', targets: ['host'], save: true },
  { verb: 'untrust', targets: ['host'] },
  { verb: 'flush', targets: ['all'] },
  { verb: 'flush', targets: ['1.2.3.4'], list: 'banned' },
  { verb: 'drop', targets: ['1.2.3.4'], spare: true },
  { verb: 'list' },
  { verb: 'list', list: 'banned' },
  { verb: 'status' },
  { verb: 'events', follow: true },
  { verb: 'reload' },
  { verb: 'reload', trialS: 5, session: '1.2.3.4', port: 22 },
  { verb: 'reload', trialS: 3_600 },
  { verb: 'confirm' },
  { verb: 'stop', keep: true },
];

const targets = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((item) => typeof item === 'string' && item.length <= 256);
const flag = (value: unknown): boolean => typeof value === 'boolean';
const seconds = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 2_147_483;
const within = (min: number, max: number) => (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
const trial = within(5, 3_600);
const port = within(1, 65_535);
const short = (value: unknown): boolean => typeof value === 'string' && value.length <= 64;
const list = (value: unknown): boolean => value === 'banned' || value === 'trusted' || value === 'filter';

/** The requests in another form: needed fields, then those that may be left out. */
const VERBS: Readonly<Record<string, readonly Readonly<Record<string, (value: unknown) => boolean>>[]>> = {
  accept: [{ targets }, { timeoutS: seconds, service: short, force: flag }],
  drop: [{ targets }, { timeoutS: seconds, force: flag, spare: flag, session: short }],
  trust: [{ targets }, { save: flag }],
  untrust: [{ targets }, { save: flag }],
  flush: [{ targets }, { list }],
  list: [{}, { list }],
  status: [{}, {}],
  events: [{}, { follow: flag }],
  reload: [{}, { trialS: trial, session: short, port }],
  confirm: [{}, {}],
  stop: [{}, { keep: flag }],
};

const isText = (value: unknown): boolean => typeof value === 'string';

function isRequest(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = new Map<string, unknown>(Object.entries(value));
  const verb = entries.get('verb');
  const [needed, optional] =
    (typeof verb === 'string' && Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined) ?? [];
  if (needed === undefined || optional === undefined) return false;
  const checks: Readonly<Record<string, (field: unknown) => boolean>> = {
    verb: isText,
    ...needed,
    ...optional,
  };
  return (
    Object.keys(needed).every((key) => entries.has(key)) &&
    [...entries].every(([key, field]) =>
      Object.entries(checks).some(([name, check]) => name === key && check(field)),
    )
  );
}

function accepted(value: unknown): boolean {
  try {
    assert.equal(readRequest(value), value);
    return true;
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    return false;
  }
}

describe('requests', () => {
  for (const request of GOOD) {
    it(`takes ${JSON.stringify(request)}`, () => {
      assert.ok(isRequest(request), 'the model agrees');
      assert.equal(accepted(request), true);
      assert.equal(accepted({ ...request, extra: 1 }), false);
    });
  }

  it('never takes random JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(accepted(value), isRequest(value));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes a request with one field changed only where it is still one', () => {
    const key = fc.constantFrom(
      ...['verb', 'targets', 'timeoutS', 'service', 'force', 'session', 'save', 'list', 'follow', 'keep'],
      ...['trialS', 'port', 'spare'],
      ...['__proto__', 'constructor', 'toString'],
    );
    const other = fc.oneof(
      fc.jsonValue(),
      fc.boolean(),
      fc.integer({ min: -1, max: 2_147_484 }),
      fc.constantFrom(0, 4, 5, 3_600, 3_601, 65_535, 65_536),
      fc.double(),
      fc.constantFrom(...Object.keys(VERBS), 'filter', 'banned', 'toString', '__proto__', 'hasOwnProperty'),
      fc.array(fc.string({ maxLength: 300 }), { maxLength: 3 }),
      fc.string({ minLength: 60, maxLength: 70 }),
    );
    let kept = 0;
    fc.assert(
      fc.property(fc.constantFrom(...GOOD), key, other, (request, name, value) => {
        const changed: unknown = JSON.parse(JSON.stringify({ ...request, [name]: value }));
        kept += isRequest(changed) ? 1 : 0;
        assert.equal(accepted(changed), isRequest(changed));
      }),
      { numRuns: 4000 },
    );
    assert.ok(kept > 40, `${kept} of the changed requests were still requests`);
  });
});

describe('frames from the supervisor', () => {
  it('takes replies and events', () => {
    const reply = { type: 'reply', reply: { exitCode: 0, remarks: [] } };
    const event = { type: 'event', event: { number: 1, time: '', kind: 'x', text: 'x', fields: {} } };
    assert.equal(readControlFrame(reply), reply);
    assert.equal(readControlFrame(event), event);
  });

  it('refuses what is neither', () => {
    const wrong = [
      null,
      {},
      [],
      { type: 'reply' },
      { type: 'reply', reply: [] },
      { type: 'reply', reply: { exitCode: 0 } },
      { type: 'reply', reply: { exitCode: 256, remarks: [] } },
      { type: 'reply', reply: { exitCode: '0', remarks: [] } },
      { type: 'event' },
      { type: 'event', event: [] },
      { type: 'other', event: {} },
    ];
    for (const value of wrong) assert.throws(() => readControlFrame(value), ProtocolError);
  });

  it('refuses a frame of which any one field is wrong', () => {
    const remark = { level: 'note', text: 'x', hint: 'y' };
    const reply = { type: 'reply', reply: { exitCode: 0, remarks: [remark], data: {} } };
    const event = { type: 'event', event: { number: 1, time: 't', kind: 'x', text: 'x', fields: { a: 1 } } };
    const wrong = [
      ...wrongDocuments(reply, {
        absent: ['reply.remarks.0.hint', 'reply.data'],
        any: ['reply.data'],
      }),
      ...wrongDocuments(event, { absent: ['event.fields.a'], any: ['event.fields', 'event.fields.a'] }),
      {
        where: 'a level',
        document: { ...reply, reply: { ...reply.reply, remarks: [{ ...remark, level: 'x' }] } },
      },
      { where: 'an exit code', document: { ...reply, reply: { ...reply.reply, exitCode: 2 } } },
      { where: 'fields', document: { ...event, event: { ...event.event, fields: [] } } },
    ];
    for (const { where, document } of wrong)
      assert.throws(() => readControlFrame(document), ProtocolError, where);
  });
});
