import type { LetIn } from '../ctl/context.js';
import { gatherRules } from '../doctor/facts/gather-rules.js';
import { letIn } from '../doctor/facts/let-in.js';
import { systemExec } from '../system/exec.js';

/** Whom the rules of this host, of both back ends and families, let in to a TCP port; undefined where not all can be read. */
export async function lettingIn(port: number): Promise<LetIn | undefined> {
  const { rules, unread } = await gatherRules(systemExec);
  if (unread.length > 0) return undefined;
  const all = [...rules.values()].flatMap((families) => [...families.values()]);
  const found = all.map((ruleset) => letIn(ruleset, 'INPUT', { protocol: 'tcp', port }));
  return {
    sources: [...new Set(found.flatMap(({ sources }) => sources))],
    others: [...new Set(found.flatMap(({ others }) => others))],
  };
}
