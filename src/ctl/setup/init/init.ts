import { EXIT, KnockError } from '../../../base/errors.js';
import { loadConfig } from '../../../config/load.js';
import { readIfExists } from '../../../system/files.js';
import type { Context } from '../../context.js';
import { printJson } from '../../output.js';
import { SupervisorProcess } from '../../lifecycle/supervisor-process.js';
import { refuseExisting, writePrivate } from '../write-private.js';
import { clientLine, type Answers } from './answers.js';
import type { Questions } from './ask.js';
import { writeUp } from './files.js';
import { formerKnockd, mayReplace } from './former-knockd.js';
import { interview, type Flags } from './interview.js';
import { placesOf, type Places } from './places.js';
import { hostNote } from './reach.js';
import { TRIAL_S } from './trial.js';
import { tryOut } from './try-out.js';

/** The flags of `knockctl init`. */
export interface InitOptions extends Flags {
  /** Ask nothing. */
  readonly yes?: boolean;
  /** Replace files that are there. */
  readonly force?: boolean;
}

/** A set-up that is ready to be written. */
interface SetUp {
  readonly answers: Answers;
  readonly places: Places;
  readonly files: ReadonlyMap<string, string>;
  /** The line for the client, and what is to be said of the host in it. */
  readonly client: string;
  readonly hostNote: string | undefined;
}

/**
 * Writes a first configuration, and has it tried: a few questions, or their answers as options. Nothing is written before
 * all is answered and the files have been checked; nothing is shut without a trial that undoes itself.
 * Throws KnockError, ConfigError.
 */
export async function init(
  context: Context,
  options: InitOptions,
  questions: Questions | undefined,
): Promise<number> {
  if (questions === undefined && options.yes !== true) throw nobodyToAsk();
  const force = options.force === true;
  const places = placesOf(context);
  const { conf, doors, trusted } = places;
  if (!force)
    refuseExisting(
      [conf, doors, trusted],
      'nothing was changed; edit what is there, or --force writes it anew and keeps a copy',
    );
  const warnings: string[] = [];
  const warn = (text: string): void => {
    warnings.push(text);
    if (!context.output.json) context.output.err(`note: ${text}\n`);
  };
  const former = formerKnockd(places);
  for (const note of former.notes) warn(note);
  if (!(await mayReplace(former, places, questions, force))) return nothingWritten(questions);
  const answers = await interview({ context, options, questions, warn });
  const setUp = prepare(context, answers, places);
  if (questions !== undefined && !(await isAgreed(questions, setUp))) return nothingWritten(questions);
  const kept = writePrivate(setUp.files);
  if (questions === undefined) return tellNext(context, setUp, kept, warnings);
  context.output.out(written(setUp, kept));
  return tryOut({ ...setUp, context, questions });
}

/** Throws ConfigError where the files would not be taken. */
function prepare(context: Context, answers: Answers, places: Places): SetUp {
  const client = clientLine(answers);
  const files = writeUp(answers, places, client);
  loadConfig({ file: context.file }, (path) => files.get(path) ?? readIfExists(path));
  return { answers, places, files, client, hostNote: hostNote(answers.host, context.sessionHost) };
}

/** Shows what would be written, and asks. */
async function isAgreed(questions: Questions, { client, files, hostNote: note }: SetUp): Promise<boolean> {
  const remark = note === undefined ? '' : `  (${note})\n`;
  questions.say(
    `\nFrom your own machine it will be:\n\n  ${client}\n${remark}\nNote it down before you go on.`,
  );
  return questions.agrees(`Write ${[...files.keys()].join(', ')}?`, true);
}

function written({ files }: SetUp, kept: readonly string[]): string {
  const former = kept.length === 0 ? '' : `what was there before is in ${kept.join(', ')}\n`;
  return `wrote ${[...files.keys()].join(', ')}\n${former}`;
}

/** For whoever answered by flags: what was done, and what is to be done now. */
function tellNext(
  context: Context,
  setUp: SetUp,
  kept: readonly string[],
  warnings: readonly string[],
): number {
  const { output, session } = context;
  const { client, files, hostNote: note, places } = setUp;
  const isRunning = new SupervisorProcess(context.paths()).isRunning();
  const next = [
    `${places.command} ${isRunning ? 'reload' : 'start'} --trial ${TRIAL_S}`,
    `${places.command} confirm`,
  ];
  const notes = [
    ...(note === undefined ? [] : [note]),
    finalDrop(places.command),
    ...(isRunning ? ['knockctl is running: the old knock holds until then'] : []),
    ...(session === undefined
      ? []
      : [
          `your own address (${session}) is let in for the trial in any case: before you confirm, ` +
            `see in "${places.command} events" that your knock was heard (OPEN SESAME)`,
        ]),
  ];
  if (output.json) {
    const said = { client, next, kept, notes: [...warnings, ...notes] };
    printJson(output, { written: [...files.keys()], ...said, exitCode: EXIT.ok });
    return EXIT.ok;
  }
  output.out(`${written(setUp, kept)}from your own machine: ${client}\n`);
  output.out(`next, on trial, without any risk: ${next.join(', then ')}\n`);
  for (const text of notes) output.out(`  ${text}\n`);
  return EXIT.ok;
}

/** What no rule of ours can do for the administrator. */
function finalDrop(command: string): string {
  return `drop what nobody listens to as well, by a last rule of your own: else closed ports answer, and the time that it takes tells knock ports from others ("${command} doctor" shows the rules)`;
}

function nothingWritten(questions: Questions | undefined): number {
  questions?.say('nothing was written');
  return EXIT.refused;
}

function nobodyToAsk(): KnockError {
  return new KnockError('answers are needed: a terminal (ssh -t), or --yes and flags', {
    exitCode: EXIT.usage,
    hint: 'nothing was written',
  });
}
