/** The strict gate in odd hours, on both back ends, and killed at many moments. */
import { oddTests } from './gate-odd-cases.js';
import { inTurn } from './setting.js';

oddTests(inTurn, [150, 200, 250, 300, 350, 400, 450, 500, 550, 600, 650, 700, 800, 1_000]);
