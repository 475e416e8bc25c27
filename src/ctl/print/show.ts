import { EXIT, KnockError, ProtocolError } from '../../base/errors.js';
import type { ListName } from '../../base/lists.js';
import { localTime } from '../../system/local-time.js';
import { isEventRecords, type EventRecord, type Reply } from '../../wire/control.js';
import type { StatusState } from '../../wire/state.js';
import {
  isListing,
  type DoorReport,
  type KeeperReport,
  type ListedEntry,
  type ServiceReport,
  type StatusReport,
} from '../../wire/reports.js';
import { readIfExists } from '../../system/files.js';
import { readHistories } from '../../wire/history.js';
import type { Context } from '../context.js';
import { isWanted, kindsNote, wantedOf, type EventFilter } from './event-filter.js';
import { exposureLines } from './exposure-lines.js';
import { shortened } from './shortened.js';
import { paint, printJson, printReply, span, table, type Output } from '../output.js';
import { ask } from '../supervisor-client.js';

const TIMEOUT_MS = 60_000;

/** Shows what is in the lists: a table for people, an array for --json. */
export async function showList(context: Context, list: ListName | undefined): Promise<number> {
  const request = { verb: 'list', ...(list === undefined ? {} : { list }) } as const;
  const answer = await ask(context.paths().socket, request, { timeoutMs: TIMEOUT_MS });
  const reply =
    answer.kind === 'reply' ? answer.reply : await (await context.direct(context.believed())).answer(request);
  if (reply.exitCode !== EXIT.ok) return printReply(context.output, reply);
  if (!isListing(reply.data)) throw new ProtocolError('the supervisor sent a malformed list');
  if (context.output.json) printJson(context.output, reply.data);
  else context.output.out(entriesTable(context.output, reply.data));
  return EXIT.ok;
}

function entriesTable(output: Output, entries: readonly ListedEntry[]): string {
  if (entries.length === 0) return 'nobody is in\n';
  const rows = entries.map(({ service, list, address, timeout, by, decoyed }) => [
    service,
    list,
    address,
    timeout === null ? 'for ever' : span(timeout),
    decoyed === true ? by.replace(/^(?:door)?/, 'decoy') : by,
  ]);
  return table(output, ['SERVICE', 'LIST', 'ADDRESS', 'LEFT', 'BY'], rows);
}

/** Shows what has happened, and with `follow` what happens, until interrupted. */
export async function showEvents(
  context: Context,
  follow: boolean,
  filter: EventFilter = {},
): Promise<number> {
  const { output } = context;
  let last = 0;
  const show = (event: EventRecord): void => {
    if (event.number <= last) return; // seen already: it came both in the reply and live
    last = event.number;
    if (!isWanted(event, filter)) return;
    if (output.json) printJson(output, event);
    else
      output.out(`${paint(output, 'dim', localTime(event.time))}  ${event.kind.padEnd(9)} ${event.text}\n`);
  };
  const showPast = (events: readonly EventRecord[]): void => {
    wantedOf(events, filter).forEach(show);
    last = Math.max(last, events.at(-1)?.number ?? 0);
    const absent = kindsNote(events, filter);
    if (absent !== undefined && !output.json) output.err(`note: ${absent}\n`);
  };
  const showAll = (reply: Reply): void => {
    if (!isEventRecords(reply.data)) throw new ProtocolError('the supervisor sent malformed events');
    showPast(reply.data);
  };
  const held: EventRecord[] = [];
  let replied = false;
  const answer = await ask(
    context.paths().socket,
    { verb: 'events', follow },
    {
      timeoutMs: TIMEOUT_MS,
      onEvent: (event) => {
        if (replied) show(event);
        else held.push(event);
      },
      onReply: (reply) => {
        replied = true;
        showAll(reply);
        held.forEach(show);
      },
    },
  );
  if (answer.kind === 'reply') return answer.reply.exitCode;
  const why = answer.kind === 'absent' ? 'no supervisor is running' : 'the supervisor does not answer';
  const { events } = context.paths();
  const history = readHistories(events, (path) => readIfExists(path) ?? '');
  if (history.length === 0)
    throw new KnockError(`${why}, so there are no events`, { hint: 'knockctl start' });
  showPast(history);
  if (!follow) {
    if (!output.json) output.err(`note: ${why}: these are the events on disk\n`);
    return EXIT.ok;
  }
  throw new KnockError(`${why}: nothing more to follow`, { hint: 'knockctl start' });
}

const RED: ReadonlySet<StatusState> = new Set<StatusState>(['tripped', 'contested', 'exposed']);

/** Prints a report of a running supervisor, for people. */
export function printStatus(output: Output, report: StatusReport): void {
  const colour = report.state === 'armed' ? 'green' : RED.has(report.state) ? 'red' : 'yellow';
  const sinceS = (Date.now() - new Date(report.since).getTime()) / 1000;
  const { listener } = report;
  const lines = [
    `knockctl is ${paint(output, colour, report.state)}: ${report.meaning}`,
    ...trialLines(report),
    ...leftOutLines(output, report),
    ...exposureLines(output, report),
    ...(report.lacking ?? []).map((text) => `  ${paint(output, 'yellow', 'lacking')}    ${text}`),
    `  for        ${span(Math.max(0, sinceS))} (${report.reason})`,
    `  supervisor pid ${String(report.pid)}${report.configuration === null ? '' : `, ${report.configuration}`}`,
    listener?.pid === null || listener === null
      ? '  listener   not running'
      : `  listener   pid ${listener.pid} on ${listener.interfaces.join(', ')}, heard ${listener.silent ?? '?'} s ago, ${listener.packets} packets`,
    ...selfKnockLine(report),
    ...(report.repairs.count === 0
      ? []
      : [
          `  repairs    ${report.repairs.count}; the last ${localTime(report.repairs.time ?? '')}: ${shortened(report.repairs.last ?? '')}`,
        ]),
    ...(report.backend === null ? [] : [`  back end   ${report.backend}`]),
    ...report.services.flatMap(serviceLines),
    ...report.doors.flatMap(doorLines),
    ...(report.pendingStops > 0
      ? [`  stops      ${report.pendingStops} stop commands wait for their time`]
      : []),
    ...savedLines(output, report.entriesKept),
    ...(report.nextHealthCheck === null ? [] : [`  next check ${localTime(report.nextHealthCheck)}`]),
  ];
  output.out(`${lines.join('\n')}\n`);
}

function selfKnockLine({ listener }: StatusReport): string[] {
  if (listener?.pid == null) return [];
  const { selfKnock } = listener;
  if (selfKnock === null)
    return ['  self-knock none has come back: there is no loopback, or the listener is not ready'];
  return [
    `  self-knock came back in ${selfKnock.roundTrip} ms, ${selfKnock.age} s ago; ${selfKnock.lost} of ${selfKnock.asked} lost`,
  ];
}

function savedLines(output: Output, { saved, problem }: KeeperReport): string[] {
  const when = saved === null ? [] : [`  saved      ${localTime(saved)}`];
  return problem === null ? when : [...when, `  ${paint(output, 'red', 'not saved')}  ${problem}`];
}

function trialLines({ trial, unconfirmed }: StatusReport): string[] {
  if (trial !== null) {
    const left = `${trial.left} s left, until ${localTime(trial.until)}`;
    return [`  on trial   ${left}: knockctl confirm keeps it, else the kernel goes back`];
  }
  return unconfirmed === null ? [] : [`  note       ${unconfirmed}`];
}

/** What does not count of the configuration, since others could have written it. */
function leftOutLines(output: Output, { leftOut = [] }: StatusReport): string[] {
  return leftOut.flatMap(({ text, fix }) => [
    `  ${paint(output, 'red', 'left out')}   ${text}`,
    `             ${fix}, then knockctl reload`,
  ]);
}

/** Where a door is recognised, and why not in the kernel. */
function doorLines({ name, sequence, kernel, reasons, knocks }: DoorReport): string[] {
  const lines = [`  door       ${name}: ${sequence}`];
  if (kernel.length > 0) {
    const count = knocks === 1 ? '1 knock' : `${knocks} knocks`;
    lines.push(
      `             in the kernel (${kernel.map((family) => `IPv${family}`).join(', ')}): ${count} so far`,
    );
  }
  if (reasons.length > 0) lines.push(`             by the listener: ${reasons.join('; ')}`);
  return lines;
}

/** What the kernel holds of a service, in a few lines. */
export function serviceLines(service: ServiceReport): string[] {
  const rules = service.rules.map((one) => `IPv${one.family} ${rulesText(one)}`);
  const { setsUnread } = service;
  const { banned, trusted, filter, decoyed } = service.entries;
  const byDoors = decoyed === 0 ? '' : ` (${decoyed} by decoys)`;
  const fed =
    setsUnread !== undefined
      ? 'unknown'
      : service.switchLeft === null
        ? `tripped, on_failure = ${service.onFailure}`
        : `fed, ${service.switchLeft} s left`;
  const unread = service.rules.filter((one) => one.unread !== undefined);
  return [
    `  service    ${service.name} (${service.protocol} ${service.ports.join(', ')}): ${rules.join(', ')}${service.gate === 'strict' ? ', strict gate' : ''}; switch ${fed}`,
    setsUnread === undefined
      ? `             ${filter} accepted, ${trusted} trusted, ${banned} banned${byDoors}`
      : `  unread     the sets: ${setsUnread}`,
    ...unread.map((one) => `  unread     IPv${one.family}: ${one.unread ?? ''}; ${UNREAD}`),
  ];
}

const UNREAD =
  'rules of others there are not known, ours are read by another way; knockctl doctor names what is in the way';

/** True where something of a service could not be read: what is in force is told as far as it is known. */
export function isUnread({ rules, setsUnread }: ServiceReport): boolean {
  return setsUnread !== undefined || rules.some(({ unread }) => unread !== undefined);
}

function rulesText(rules: ServiceReport['rules'][number]): string {
  const { chains, jump, awaits, unknown } = rules;
  if (unknown === true) return 'unknown: nothing tells the rules';
  if (!(chains && jump)) {
    if (rules.whole?.includes('mangle') === true) return 'shut by the strict gate alone';
    if (rules.whole?.includes('filter') === true) return 'shut without the strict gate';
  }
  if (!chains) return 'chains missing or changed';
  if (awaits !== undefined) return `NOT PROTECTED: there is no chain ${awaits}`;
  return jump ? 'in force' : 'no jump';
}
