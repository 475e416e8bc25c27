import { EXIT } from '../../../base/errors.js';
import { enableUnit, unitState } from '../../../system/service-manager.js';
import type { Context } from '../../context.js';
import type { Answers } from './answers.js';
import type { Questions } from './ask.js';
import { doorOf } from './files.js';
import type { Places } from './places.js';
import { InitTrial, TRIAL_S } from './trial.js';

/** What is to be tried, and with whom. */
interface TryOut {
  readonly context: Context;
  readonly questions: Questions;
  readonly answers: Answers;
  readonly places: Places;
  /** The line for the client. */
  readonly client: string;
}

/** What came of a trial: `late`: the kernel has gone back meanwhile. */
type Verdict = 'keep' | 'no' | 'late';

/**
 * Has the new set-up tried, and keeps it only where somebody has got in by a knock that was heard, or wants it all the
 * same. Gives the exit code; throws KnockError.
 */
export async function tryOut(what: TryOut): Promise<number> {
  const { questions, context } = what;
  questions.say(
    `\nNow try it: it is put in force on trial for ${TRIAL_S} s, and without your word the kernel takes all of it back.`,
  );
  let question = 'Begin the trial?';
  for (;;) {
    const trial = new InitTrial(context);
    if (!(await questions.agrees(question, true))) {
      questions.say(`later: ${again(what, trial)}`);
      return EXIT.ok;
    }
    const begun = await trial.begin();
    if (begun !== EXIT.ok) {
      questions.say(`the files stay; once it can be tried: ${again(what, trial)}`);
      // What a reload cannot change would come into force without a trial by the restart that it proposes.
      if (trial.verb === 'reload')
        questions.say(`or ${what.places.command} stop, then ${what.places.command} start --trial ${TRIAL_S}`);
      return begun;
    }
    const verdict = await judge(what, trial);
    if (verdict === 'keep') return keep(what, trial);
    if (verdict === 'no') {
      await trial.giveUp();
      questions.say(`${goesBack(trial)}; the files stay. Once more: ${again(what, trial)}`);
      return EXIT.ok;
    }
    questions.say(`\nThe time was up at ${trial.until}: the kernel has gone back, ${isBack(trial)}.`);
    questions.ifLeft = 'nothing is on trial any more; the files stay';
    await trial.settle();
    question = 'Try it once more?';
  }
}

async function judge(what: TryOut, trial: InitTrial): Promise<Verdict> {
  const { questions, answers, client } = what;
  questions.ifLeft = `nothing was confirmed: the kernel goes back by itself at ${trial.until}`;
  questions.say(
    [
      `\nOn trial until ${trial.until}. Without your yes the kernel goes back by itself then; this session goes on in any case.`,
      `From your own machine, in a second terminal:\n\n  ${client}\n`,
      ...(await trustedNote(what, trial)),
    ].join('\n'),
  );
  const isIn = await questions.agrees('Did you get in?', false);
  const state = await trial.state();
  if (state === 'over') return 'late';
  if (!isIn) return 'no';
  if (state === 'dead') return 'keep'; // which will say that it cannot be, and what to do
  const heard = await trial.heard(doorOf(answers));
  if (heard.length > 0) {
    questions.say(`The knock of ${heard.join(' and ')} was heard.`);
    return 'keep';
  }
  questions.say(await unheard(what, trial));
  const isKept = await questions.agrees('Keep it all the same?', false);
  if ((await trial.state()) === 'over') return 'late';
  return isKept ? 'keep' : 'no';
}

/** Beforehand: what the trial cannot show from an address that needs no knock. */
async function trustedNote({ context: { session }, answers }: TryOut, trial: InitTrial): Promise<string[]> {
  if (session === undefined) return [];
  const entry = await trial.entryOf(answers.service, session);
  if (entry === undefined) return [];
  const why = entry.list === 'trusted' ? 'is trusted' : 'is in already';
  return [
    `${session} ${why}, and gets in without a knock: that a knock opens the port, only another address can show.`,
  ];
}

/** Somebody got in, and no knock was heard: what that means. */
async function unheard({ context: { session }, answers }: TryOut, trial: InitTrial): Promise<string> {
  const entry = session === undefined ? undefined : await trial.entryOf(answers.service, session);
  const why =
    session === undefined || entry === undefined
      ? 'you were let in otherwise (by an address that is trusted, or a connection that was open before)'
      : entry.list === 'trusted'
        ? `you got in because ${session} is trusted`
        : `you got in because ${session} was let in before (by ${entry.by === '' ? 'somebody' : entry.by})`;
  return [
    `\nNo knock was heard: ${why}.`,
    'Where knocks never arrive (a firewall in front of this host that lets only port 22 through, as clouds have, or a',
    'sequence with a wrong port), everybody who is not trusted is locked out as soon as this is kept.',
    `A knock can still be tried until ${trial.until}, from an address that is not trusted, before you answer.`,
  ].join('\n');
}

async function keep({ questions, context: { file } }: TryOut, trial: InitTrial): Promise<number> {
  const kept = await trial.keep();
  // The unit is for the files at their default places alone.
  if (kept !== EXIT.ok || file !== undefined) return kept;
  questions.ifLeft = 'it is in force for good; nothing was changed about the boot';
  const unit = await unitState();
  if (unit?.isOurs !== true || unit.isEnabled) return kept;
  if (await questions.agrees('Start it at each boot?', true)) await enableUnit();
  return kept;
}

function goesBack({ verb, until }: InitTrial): string {
  return verb === 'start'
    ? 'all of it is taken out again, and nothing is shut'
    : `the kernel goes back by itself at ${until} to what was in force before`;
}

function isBack({ verb }: InitTrial): string {
  return verb === 'start' ? 'and nothing is shut' : 'and what was in force before is in force again';
}

function again({ places: { command } }: TryOut, { verb }: InitTrial): string {
  return `${command} ${verb} --trial ${TRIAL_S}, then ${command} confirm`;
}
