import { EXIT, KnockError } from '../../../base/errors.js';
import { ok, refuse, type Result } from '../../../base/result.js';
import { parseSequence } from '../../../config/knockd/sequence.js';
import type { ServiceSettings } from '../../../config/settings.js';
import { parseTrustee } from '../../../config/trusted.js';
import { choice, isServiceName, PORTS } from '../../../config/values.js';
import { listeningPorts, type ListeningPort } from '../../../system/listening.js';
import type { Context } from '../../context.js';
import { randomSequence, sequenceWarnings, type Answers } from './answers.js';
import type { Questions } from './ask.js';
import { askGate } from './gate.js';
import { sshPort } from './ssh-port.js';
import { likelyHost, readHost, surelyReached } from './reach.js';

/** Flags, each of which answers a question. */
export interface Flags {
  readonly service?: string;
  readonly port?: string;
  readonly sequence?: string;
  /** Each an address, a network or a host name. */
  readonly trust?: readonly string[];
  readonly onFailure?: string;
}

/** Whom the answers come from: flags, and a person for what they leave open, if one is there. */
interface Source {
  readonly context: Context;
  readonly options: Flags;
  readonly questions: Questions | undefined;
  /** Says what speaks against an answer. */
  readonly warn: (text: string) => void;
}

/** A question, with the flag that answers it, and what is meant by no answer. */
interface Question<T> {
  readonly given: string | undefined;
  readonly text: string;
  readonly usual: string;
  readonly read: (text: string) => Result<T>;
}

const ON_FAILURE = choice('hold', 'restore', 'flush');
const SSH = 22;

/** Gathers what a set-up is to be. Throws KnockError where a flag is wrong, or nobody answers any more. */
export async function interview(source: Source): Promise<Answers> {
  const { context, options, questions } = source;
  const sessionPort = context.sessionPort ?? (await sshPort()) ?? SSH;
  const port = await put(source, {
    given: options.port,
    text: 'Which port is to be hidden?',
    usual: String(sessionPort),
    read: onePort,
  });
  const isLikelySsh = port === sessionPort || port === SSH;
  const service = await put(source, {
    given: options.service,
    text: 'A name for the service?',
    usual: isLikelySsh ? 'ssh' : `port${port}`,
    read: serviceName,
  });
  const sequence = await askSequence(source, port);
  const host =
    questions === undefined
      ? surelyReached(context.sessionHost)
      : await questions.ask(
          '\nHow do you reach this host from your own machine (name or address)?',
          likelyHost(context.sessionHost),
          readHost,
        );
  const listed = await askTrusted(source);
  const { gate, trusted } = await askGate(source, port, listed);
  const onFailure = await askOnFailure(source);
  const isSsh = isLikelySsh || service === 'ssh';
  return { service, port, isSsh, sequence, host, trusted, onFailure, gate };
}

async function put<T>({ questions }: Source, { given, text, usual, read }: Question<T>): Promise<T> {
  if (given === undefined && questions !== undefined) return questions.ask(text, usual, read);
  const value = read(given ?? usual);
  if (!value.ok) throw new KnockError(value.reason, { exitCode: EXIT.usage });
  return value.value;
}

async function askSequence(source: Source, hidden: number): Promise<readonly number[]> {
  const { options, questions, warn } = source;
  questions?.say(
    '\nThe knock: ports that are touched in this order, each by one TCP packet. This one is random:',
  );
  const listening = listeningPorts();
  const taken = portsOf(listening);
  const sequence = await put(source, {
    given: options.sequence,
    text: 'The sequence?',
    usual: randomSequence((port) => port === hidden || taken.has(port)).join(','),
    read: (text) => readSequence(text, hidden),
  });
  const takenByTcp = portsOf(listening.filter(({ protocol }) => protocol === 'tcp'));
  for (const warning of sequenceWarnings(sequence, (port) => takenByTcp.has(port))) warn(warning);
  return sequence;
}

function portsOf(listening: readonly ListeningPort[]): ReadonlySet<number> {
  return new Set(listening.map(({ port }) => port));
}

async function askTrusted({
  context: { session },
  options: { trust },
  questions,
}: Source): Promise<string[]> {
  if (trust !== undefined || questions === undefined) {
    const read = readTrusted((trust ?? []).join(' '));
    if (!read.ok) throw new KnockError(read.reason, { exitCode: EXIT.usage });
    return read.value;
  }
  const trusted: string[] = [];
  if (session !== undefined) {
    questions.say(`\nYou are logged in from ${session}.`);
    if (await questions.agrees('Shall that address always get in, without a knock?', false))
      trusted.push(session);
  }
  const more = await questions.ask(
    'Others that need no knock (addresses, networks, host names; none will do)?',
    'none',
    (text) => readTrusted(text === 'none' ? '' : text),
  );
  return [...new Set([...trusted, ...more])];
}

async function askOnFailure(source: Source): Promise<ServiceSettings['onFailure']> {
  source.questions?.say(
    [
      '\nShould knockctl be lost for good (nothing of it running any more), new connections meet:',
      '  hold     a shut port; trusted addresses get in, and so does who knocks: the kernel knows the door itself',
      '  restore  your own rules, as if knockctl were not there',
      '  flush    an open port',
    ].join('\n'),
  );
  return put(source, {
    given: source.options.onFailure,
    text: 'Which one?',
    usual: 'hold',
    read: ON_FAILURE.parse,
  });
}

function onePort(text: string): Result<number> {
  const ports = PORTS.parse(text);
  if (!ports.ok) return ports;
  const [port] = ports.value;
  return port === undefined || ports.value.length > 1
    ? refuse('one port; more go into ports in knockctl.conf')
    : ok(port);
}

function serviceName(text: string): Result<string> {
  return isServiceName(text) ? ok(text) : refuse('1 to 16 letters, digits, _ or -');
}

function readSequence(text: string, hidden: number): Result<readonly number[]> {
  const { steps, faults } = parseSequence(text.replaceAll(/[\s,]+/g, ','));
  const [fault] = faults;
  if (fault !== undefined) return refuse(fault);
  if (steps.some(({ protocol }) => protocol !== 'tcp'))
    return refuse('TCP ports here; UDP goes into knockd.conf');
  const ports = steps.map(({ port }) => port);
  if (ports.includes(hidden))
    return refuse(`${hidden} is the hidden port itself: whoever tries it would make a step of the knock`);
  return ports.length < 3 ? refuse('three ports at least, or a scan of ports could hit it') : ok(ports);
}

function readTrusted(text: string): Result<string[]> {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  for (const word of words) {
    const trustee = parseTrustee(word);
    if (!trustee.ok) return trustee;
  }
  return ok(words);
}
