import { parseAddress, quote } from '../../base/address.js';
import { KnockError } from '../../base/errors.js';
import { MAX_TIMEOUT_S } from '../../base/limits.js';

import { commandsThat, takes, type DoorVerb } from '../../base/commands.js';
import type { DoorCommand, VerbCommand } from '../settings.js';
import { decimal, isServiceName } from '../values.js';

const VERBS: readonly DoorVerb[] = commandsThat('byDoors');
const ADDRESS_WORDS = ['%IP%', '"%IP%"', "'%IP%'"];

/** A program by any path, in characters that mean nothing to a shell. */
const OWN_PROGRAM = /^(?:[A-Za-z0-9_.+/-]*\/)?(?:knockctl|knockd)$/;

/** The options of a verb, as far as they have been read. */
interface Options {
  timeoutS: number | undefined;
  service: string | undefined;
}

/** `-t` as the command line has it; another word may be its value. */
const SHORT_TIMEOUT = '-t';

/**
 * Reads the command of a door. It is a verb of ours where the whole line is one
 * (`knockctl accept %IP% --timeout 60`, or an init script of ours by any path) and holds nothing that
 * only a shell could carry out; everything else is a line for /bin/sh.
 */
export function parseCommand(line: string): DoorCommand {
  return parseVerb(line) ?? { kind: 'shell', line };
}

/**
 * The line with every `%IP%` replaced by the address. Throws KnockError for anything but a canonical
 * literal address, since the line goes to a shell.
 */
export function expandCommand(line: string, address: string): string {
  const parsed = parseAddress(address);
  if (!parsed.ok || parsed.value.text !== address) {
    throw new KnockError(`${quote(address)} is not a canonical address: ${quote(line)} is not run`);
  }
  return line.replaceAll('%IP%', address);
}

function parseVerb(line: string): VerbCommand | undefined {
  const [program = '', verbWord = '', ...words] = line.split(/[ \t]+/).filter((word) => word !== '');
  const verb = VERBS.find((known) => known === verbWord);
  if (!OWN_PROGRAM.test(program) || verb === undefined) return undefined;
  const options: Options = { timeoutS: undefined, service: undefined };
  let addresses = 0;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (ADDRESS_WORDS.includes(word)) {
      addresses += 1;
      continue;
    }
    if (word === '--force') continue;
    if (word === SHORT_TIMEOUT) {
      index += 1;
      if (!setOption(options, verb, '--timeout', words[index] ?? '')) return undefined;
      continue;
    }
    const [name = '', inline, ...rest] = word.split('=');
    if (rest.length > 0) return undefined;
    if (inline === undefined) index += 1;
    if (!setOption(options, verb, name, inline ?? words[index] ?? '')) return undefined;
  }
  return addresses === 1 ? { kind: 'verb', verb, ...options, line } : undefined;
}

function setOption(options: Options, verb: DoorVerb, name: string, value: string): boolean {
  if (name === '--timeout' && takes(verb, 'timeoutS')) {
    options.timeoutS = /^[0-9]+$/.test(value) ? decimal(value, 0, MAX_TIMEOUT_S) : undefined;
    return options.timeoutS !== undefined;
  }
  if (name === '--service' && isServiceName(value)) {
    options.service = value;
    return true;
  }
  return false;
}
