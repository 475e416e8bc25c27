/** `gate = strict`, in all combinations, and with a fight that lasts longer than the switch. */
import { gateTests } from './gate-cases.js';
import { crosswise, everywhere } from './setting.js';

gateTests({ everywhere, crosswise, attempts: 900 });
