/** `gate = strict`, in all combinations, and with a fight that lasts longer than the switch. */
import { gateTests } from './gate-cases.js';
import { everywhere, inTurn } from './setting.js';

gateTests({ everywhere, others: inTurn, attempts: 900 });
