import { hostname } from 'node:os';

import { EXIT, KnockError } from '../../../base/errors.js';
import type { Result } from '../../../base/result.js';
import type { Config, DoorSettings } from '../../../config/settings.js';
import type { Context } from '../../context.js';
import { printJson } from '../../output.js';
import { commandLineOf, profileText, sshConfig } from './forms.js';
import { page, pageNote } from './page.js';
import { findDoor, planFor, portWords, type ClientPlan } from './plan.js';
import { shellScript } from './shell-script.js';

export interface ClientOptions {
  readonly host?: string;
  readonly sshConfig?: boolean;
  readonly shell?: boolean;
  readonly html?: boolean;
  readonly qr?: boolean;
}

/** Of a terminal that does not tell. */
const COLUMNS = 80;
/** A host name or an address: it becomes part of scripts and pages. */
const HOST = /^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$/;

/** Prints what knocks at a door: a file for the client by default. */
export async function client(context: Context, name: string, options: ClientOptions): Promise<number> {
  const { output } = context;
  const forms = [options.sshConfig, options.shell, options.html, options.qr].filter((one) => one === true);
  if (forms.length > 1) {
    throw new KnockError('--ssh-config, --shell, --html and --qr exclude each other', {
      exitCode: EXIT.usage,
    });
  }
  const config = context.believed();
  const door = taken(findDoor(config, name));
  const { host, note } = hostFor(context, door, options.host);
  if (!HOST.test(host))
    throw new KnockError(`${JSON.stringify(host)} is no host name and no address`, { exitCode: EXIT.usage });
  const plan = planFor(config, door, host);
  const notes = [note, options.html === true ? pageNote(plan) : undefined].filter(
    (text) => text !== undefined,
  );
  const text = await formOf(plan, options, output.colour);
  if (output.json) {
    printJson(output, { ...summary(plan, config), text, notes, exitCode: EXIT.ok });
    return EXIT.ok;
  }
  for (const one of notes) output.err(`note: ${one}\n`);
  output.out(text);
  return EXIT.ok;
}

async function formOf(plan: ClientPlan, options: ClientOptions, colour: boolean): Promise<string> {
  if (options.sshConfig === true) return sshConfig(plan);
  if (options.shell === true) return shellScript(plan);
  if (options.html === true) return taken(page(plan));
  if (options.qr !== true) return profileText(plan);
  const { qrCode } = await import('./qr-code.js');
  const line = commandLineOf(plan);
  const columns = process.stdout.columns || COLUMNS; // 0 or undefined where it is no terminal
  const code = qrCode(line, columns, colour);
  if (code === undefined)
    throw new KnockError(`the code is wider than the ${columns} columns of this terminal`);
  return `${code}${line}\n`;
}

function summary(plan: ClientPlan, { file }: Config): object {
  const { door, service, host, steps, delayMs } = plan;
  return {
    configuration: file ?? null,
    door,
    service: service ?? null,
    host,
    ports: portWords(steps),
    delay: delayMs,
  };
}

/** The host that was given, else the likeliest, with a note that says whence it is. */
function hostFor(
  { sessionHost }: Context,
  { door }: DoorSettings,
  given: string | undefined,
): { readonly host: string; readonly note: string | undefined } {
  if (given !== undefined) return { host: given, note: undefined };
  const guess = (host: string, whence: string): { readonly host: string; readonly note: string } => ({
    host,
    note: `the host ${host} is a guess (${whence}): --host HOST gives the one that clients reach`,
  });
  if (door.target !== undefined) return guess(door.target.text, 'the target of the door');
  return sessionHost === undefined
    ? guess(hostname(), 'the name of this machine')
    : guess(sessionHost, 'the address that your session came in by');
}

function taken<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new KnockError(result.reason);
}
