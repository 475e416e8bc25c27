/** `gate = strict`: a sample; all of it in gate.long.test.ts. */
import { gateTests } from './gate-cases.js';
import { inTurn } from './setting.js';

gateTests({ everywhere: inTurn, others: inTurn, attempts: 100 });
