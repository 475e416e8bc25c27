/** The strict gate in odd hours: a sample; all of it in gate-odd.long.test.ts. */
import { oddTests } from './gate-odd-cases.js';
import { inTurn } from './setting.js';

oddTests(inTurn, [450]);
