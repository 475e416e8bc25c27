import { connect } from 'node:net';

import { asError, errorText, EXIT, KnockError, ProtocolError } from '../base/errors.js';
import { frame, FrameReader } from '../wire/frames.js';
import {
  readControlFrame,
  REPLY_LIMIT,
  type EventRecord,
  type Reply,
  type Request,
} from '../wire/control.js';

/** What a supervisor answered, or why there was no answer. */
export type Answer =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** Nobody listens on the socket. */
  | { readonly kind: 'absent' }
  /** Somebody listens, and says nothing in time. */
  | { readonly kind: 'silent' };

interface AskOptions {
  readonly timeoutMs: number;
  /** Follow events: called for each; the promise then resolves when the connection ends. */
  readonly onEvent?: (event: EventRecord) => void;
  /** Called with the reply while events are followed. */
  readonly onReply?: (reply: Reply) => void;
}

const ABSENT = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR'];

/** Asks the supervisor over its control socket. Rejects where the socket may not be used, or answers nonsense. */
export async function ask(path: string, request: Request, options: AskOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let reply: Reply | undefined;
    const late = setTimeout(() => {
      if (reply === undefined) {
        resolve({ kind: 'silent' });
        socket.destroy();
      }
    }, options.timeoutMs);
    const reader = new FrameReader(REPLY_LIMIT, (message) => {
      const received = readControlFrame(message);
      if (received.type === 'event') {
        options.onEvent?.(received.event);
        return;
      }
      reply = received.reply;
      options.onReply?.(reply);
    });
    socket.on('connect', () => socket.write(frame(request)));
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        reject(asError(error));
        socket.destroy();
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(late);
      if (ABSENT.includes(error.code ?? '')) resolve({ kind: 'absent' });
      else reject(refusal(path, error));
    });
    socket.on('close', () => {
      clearTimeout(late);
      if (reply === undefined)
        reject(new ProtocolError('the supervisor closed the connection without an answer'));
      else resolve({ kind: 'reply', reply });
    });
  });
}

function refusal(path: string, cause: NodeJS.ErrnoException): KnockError {
  if (cause.code === 'EACCES' || cause.code === 'EPERM') {
    return new KnockError(`${path} is for root only`, {
      exitCode: EXIT.notRoot,
      hint: 'run it as root (sudo)',
      cause,
    });
  }
  return new KnockError(`cannot talk to the supervisor by ${path}: ${errorText(cause)}`, {
    exitCode: EXIT.firewall,
    cause,
  });
}
