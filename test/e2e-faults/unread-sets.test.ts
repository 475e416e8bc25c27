/** Sets that ipset does not tell; one that hangs in unread-sets.long.test.ts. */
import { unreadSets } from './unread-sets.js';

unreadSets(['fails', 'is cut short']);
