import type { KnockIo } from '../../src/client/io.js';
import { run } from '../../src/client/main.js';
import { ok } from '../../src/base/result.js';
import { resolveHost } from '../../src/client/send.js';

export interface Outcome {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  /** What was sent and slept, in order. */
  readonly deeds: readonly string[];
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`send ${code}`), { code, syscall: 'send' });
}

/** What the client does in made-up surroundings. */
export async function runWith(argv: readonly string[], changes: Partial<KnockIo> = {}): Promise<Outcome> {
  let out = '';
  let err = '';
  const deeds: string[] = [];
  const exitCode = await run(argv, {
    out: (text) => (out += text),
    err: (text) => (err += text),
    version: () => '1.2.3',
    services: () => 'ssh 22/tcp\n',
    read: (file) => {
      if (file === '/absent') throw systemError('ENOENT');
      return '7000, 8000:udp # the office\nssh\n';
    },
    profiles: () => '/home/a/.config/knock',
    resolve: resolveHost,
    routeThrough: async (address, name) => Promise.resolve(ok({ address, source: `${name}'s` })),
    send: async ({ protocol, address, source, port }) => {
      deeds.push(`${protocol} ${address} ${port}${source === undefined ? '' : ` from ${source}`}`);
      return Promise.resolve();
    },
    sleep: async (ms) => {
      deeds.push(`sleep ${ms}`);
      return Promise.resolve();
    },
    command: async (words) => {
      deeds.push(`run ${words.join('|')}`);
      return Promise.resolve(42);
    },
    ...changes,
  });
  return { exitCode, out, err, deeds };
}
