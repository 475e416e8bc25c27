import { parseLoadOptions } from '../config/load-options.js';
import { READY_FD } from '../system/notify.js';
import { closeInherited } from '../system/process.js';
import { readStartRequest } from '../wire/start/start-request.js';
import { supervise } from './supervise.js';

/** The supervisor in the background; its words are how the configuration is to be read, and what the start is to be. */
const [, , options = '', wish] = process.argv;
closeInherited(READY_FD);
// Whatever is still open (a timer, a child's pipe) must not keep a supervisor alive that has ended.
void supervise(parseLoadOptions(options), 'none', readStartRequest(wish)).then((code) => process.exit(code));
