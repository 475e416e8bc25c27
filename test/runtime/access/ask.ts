import assert from 'node:assert/strict';

import { EXIT } from '../../../src/base/errors.js';
import type { ListCommand } from '../../../src/base/commands.js';
import { dispatch } from '../../../src/runtime/access/dispatch.js';
import type { Reply, RequestOf } from '../../../src/wire/control.js';
import type { VerbStand } from '../../helpers/verb-context.js';

export const ADMIN = { kind: 'admin', label: 'cli' } as const;
export const DOOR = { kind: 'door', label: 'door openSSH' } as const;

/** Has a verb carried out. */
export async function ask(
  stand: VerbStand,
  request: RequestOf<ListCommand>,
  origin: typeof ADMIN | typeof DOOR = ADMIN,
): Promise<Reply> {
  return dispatch(stand.context, request, origin);
}

/** What a reply says at a level. */
export const texts = (reply: Reply, level: 'result' | 'note' | 'error'): string[] =>
  reply.remarks.filter((remark) => remark.level === level).map((remark) => remark.text);

/** A refusal that says this, and has changed nothing. */
export async function refuses(
  stand: VerbStand,
  request: RequestOf<ListCommand>,
  reason: RegExp,
  origin: typeof ADMIN | typeof DOOR = ADMIN,
): Promise<void> {
  const saved = async (): Promise<string> =>
    (await stand.space.must('ipset save')).replaceAll(/timeout [1-9]\d*/g, 'timed');
  const before = await saved();
  const reply = await ask(stand, request, origin);
  assert.equal(reply.exitCode, EXIT.refused);
  assert.match(texts(reply, 'error').join('\n'), reason);
  assert.deepEqual(texts(reply, 'result'), []);
  assert.equal(await saved(), before);
}
