import type { ListenerMessage } from '../../wire/listener.js';
import type { DoorKeeper } from '../../runtime/doors/knock-handler.js';
import type { Journal } from '../../runtime/journal/journal.js';
import type { ListenerKeeper } from './listener-supervisor.js';

/**
 * What follows from a message of the listener. It is well-formed; whether it is true is another
 * question: a door that does not exist means that the listener was taken over.
 */
export function hear(
  message: ListenerMessage,
  doors: DoorKeeper,
  journal: Journal,
  listener: Pick<ListenerKeeper, 'condemn'>,
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
    listener.condemn(`it named door ${message.door}, which does not exist`);
    return;
  }
  switch (message.type) {
    case 'knock':
      if (doors.isPossible(message.door, message.sequence))
        void doors.knock(message.door, message.address, message.sequence);
      else listener.condemn(`it named sequence ${String(message.sequence)} of door ${name}, which is none`);
      break;
    case 'stage':
      journal.note(`${message.address}: ${name}: Stage ${message.stage}`, {
        door: name,
        address: message.address,
      });
      break;
    case 'timeout':
      journal.note(`${message.address}: ${name}: sequence timeout (stage ${message.stage})`, {
        door: name,
        address: message.address,
      });
      break;
  }
}
