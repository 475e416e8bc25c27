import { takes, type AddressCommand, type OptionValues } from '../../base/commands.js';
import type { ListName } from '../../base/lists.js';
import type { Request, RequestOf } from '../../wire/control.js';

/** What a command on addresses may be given besides them. */
export interface AddressOptions {
  readonly timeout?: number;
  readonly service?: string;
  readonly force?: boolean;
  readonly save?: boolean;
  readonly spare?: boolean;
  readonly from?: ListName;
  readonly file?: string;
}

/** The request of a command on addresses; `session`: where the caller's own SSH session comes from. */
export function addressRequest(
  verb: AddressCommand,
  targets: readonly string[],
  { timeout: timeoutS, service, force, save, spare, from: list }: AddressOptions,
  session: string | undefined,
): Request {
  const given: Partial<{ [O in keyof OptionValues]: OptionValues[O] | undefined }> = {
    ...{ timeoutS, service, force, save, spare, list, session },
  };
  const options = Object.entries(given).filter(
    ([name, value]) => value !== undefined && takes(verb, name as keyof OptionValues),
  );
  return { verb, targets, ...Object.fromEntries(options) } satisfies RequestOf<AddressCommand>;
}
