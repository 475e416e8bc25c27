/** Sets that ipset does not tell, for it hangs: that takes its time. */
import { unreadSets } from './unread-sets.js';

unreadSets(['hangs']);
