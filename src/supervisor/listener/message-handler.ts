import type { ListenerMessage } from '../../wire/listener.js';
import type { KnockHandler } from '../../runtime/doors/knock-handler.js';
import type { Journal } from '../../runtime/journal/journal.js';
import type { ListenerSupervisor } from './listener-supervisor.js';

/**
 * What follows from a message of the listener. It is well-formed; whether it is true is another
 * question: a door that does not exist means that the listener was taken over.
 */
export function handleListenerMessage(
  message: ListenerMessage,
  doors: KnockHandler,
  journal: Journal,
  listener: Pick<ListenerSupervisor, 'killCompromised'>,
): void {
  if (message.type === 'suppressed') {
    journal.record(
      'knock',
      `${message.count} knocks and stages were not reported: too many in a short time`,
      {},
      'warn',
    );
    return;
  }
  if (!('door' in message)) return;
  const name = doors.nameOf(message.door);
  if (name === undefined) {
    listener.killCompromised(`it named door ${message.door}, which does not exist`);
    return;
  }
  switch (message.type) {
    case 'knock':
      if (doors.isPossible(message.door, message.sequence))
        void doors.knock(message.door, message.address, message.sequence);
      else
        listener.killCompromised(
          `it named sequence ${String(message.sequence)} of door ${name}, which is none`,
        );
      break;
    case 'stage':
      journal.line(`${message.address}: ${name}: Stage ${message.stage}`, {
        door: name,
        address: message.address,
      });
      break;
    case 'timeout':
      journal.line(`${message.address}: ${name}: sequence timeout (stage ${message.stage})`, {
        door: name,
        address: message.address,
      });
      break;
  }
}
