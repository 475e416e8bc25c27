import { isIP } from 'node:net';

import { ok, refuse, type Result } from '../../../base/result.js';
import type { ClientPlan } from './plan.js';

/** Ports that browsers do not connect to (the Fetch standard, "port blocking"). */
const BLOCKED: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);
/** A SYN is sent again after a second: the sequence has to be over by then, where a door forgives no copies. */
const REPEATED_MS = 1_000;

/** Why no page can knock at a door; undefined where it can. */
export function pageRefusal({ door, steps }: ClientPlan): string | undefined {
  const blocked = steps.filter(({ port }) => BLOCKED.has(port)).map(({ port }) => port);
  if (steps.some(({ protocol }) => protocol === 'udp'))
    return `a browser cannot knock by UDP, which ${door} asks for`;
  if (blocked.length > 0)
    return `browsers do not connect to port ${blocked.join(', ')}, which ${door} asks for`;
  if (new Set(steps.map(({ port }) => port)).size < steps.length) {
    return `${door} has a port twice, and a browser makes one connection of two attempts`;
  }
  return undefined;
}

/** What may go wrong with a page although it can knock. */
export function pageNote({ door, steps, delayMs, tolerant }: ClientPlan): string | undefined {
  if (tolerant || steps.length * delayMs < REPEATED_MS) return undefined;
  return `${door} takes longer than a second, after which a browser's SYNs come again: set duplicates = tolerate in [listener]`;
}

/** A page without anything else beside it: opened from a file or from a web server, it knocks at the touch of its button. */
export function page(plan: ClientPlan): Result<string> {
  const refusal = pageRefusal(plan);
  if (refusal !== undefined) return refuse(refusal);
  const data = {
    host: isIP(plan.host) === 6 ? `[${plan.host}]` : plan.host,
    ports: plan.steps.map(({ port }) => port),
    delay: Math.max(100, plan.delayMs),
  };
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return ok(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>knock</title>
<style>
body { font: 1.2rem sans-serif; margin: 20vh auto; max-width: 20rem; text-align: center }
button { font: inherit; padding: 1rem 3rem }
</style>
<!-- Whoever can read this page can knock. Copies of a knock, which some browsers send, need duplicates = tolerate. -->
<button id="knock">Knock</button>
<p id="said" role="status"></p>
<script>
const { host, ports, delay } = ${json};
const said = document.getElementById('said');
const button = document.getElementById('knock');
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
async function knock() {
  button.disabled = true;
  for (const port of ports) {
    said.textContent = 'knocking…';
    const ending = new AbortController();
    // Nobody answers, and nobody needs to: the attempt to connect is the knock.
    fetch('https://' + host + ':' + port + '/', { mode: 'no-cors', cache: 'no-store', credentials: 'omit', signal: ending.signal }).catch(() => undefined);
    await wait(delay);
    ending.abort();
  }
  said.textContent = 'Knocked: connect now.';
  button.disabled = false;
}
button.addEventListener('click', knock);
</script>
</html>
`);
}
