import { contains, parseNetwork } from '../../../base/address.js';
import type { Context } from '../../context.js';
import type { Answers } from './answers.js';
import type { Questions } from './ask.js';

/** Whom the question goes to, if somebody is there, and what is told where nobody is. */
interface Asked {
  readonly context: Pick<Context, 'letIn'>;
  readonly questions: Questions | undefined;
  readonly warn: (text: string) => void;
}

/**
 * Which gate the port gets. Strict, unless rules of this host let some in who would then be shut out: their networks can
 * be trusted instead, which a person is asked about. What else such a rule goes by cannot: then normal is proposed.
 */
export async function askGate(
  { context, questions, warn }: Asked,
  port: number,
  trusted: readonly string[],
): Promise<Pick<Answers, 'gate' | 'trusted'>> {
  const found = await context.letIn(port);
  if (found === undefined) {
    warn('the rules of this host cannot all be read: gate = normal; knockctl doctor says more');
    return { gate: 'normal', trusted };
  }
  const sources = found.sources.filter((source) => !isTrusted(trusted, source));
  const { others } = found;
  if (sources.length + others.length === 0) return { gate: 'strict', trusted };
  if (questions === undefined) {
    const who = [...sources, ...others].join('; ');
    const how = sources.length === 0 ? '' : `: with --trust ${sources.join(' ')} it would be strict`;
    warn(
      `gate = normal, for rules of this host let some in without a knock (${who})${others.length === 0 ? how : ''}`,
    );
    return { gate: 'normal', trusted };
  }
  questions.say('\nRules of this host let some in to that port without a knock:');
  for (const text of [...sources.map((source) => `from ${source}`), ...others]) questions.say(`  ${text}`);
  questions.say(
    'With gate = strict no rule but those of knockctl opens the port, so that none can by mistake;\n' +
      'whom yours let in would then have to be trusted.',
  );
  if (others.length > 0) questions.say('Not all of these go by an address, which could be trusted.');
  const question =
    sources.length === 0 ? 'gate = strict all the same?' : `gate = strict, and trust ${sources.join(' ')}?`;
  return (await questions.agrees(question, others.length === 0))
    ? { gate: 'strict', trusted: [...trusted, ...sources] }
    : { gate: 'normal', trusted };
}

function isTrusted(trusted: readonly string[], source: string): boolean {
  const wanted = parseNetwork(source);
  return (
    wanted.ok &&
    trusted.some((text) => {
      const network = parseNetwork(text);
      return network.ok && contains(network.value, wanted.value);
    })
  );
}
