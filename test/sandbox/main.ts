import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import { ADDRESS } from '../helpers/lab.js';
import { Sandbox } from './sandbox.js';
import { walkThrough } from './walk-through.js';

/** `npm start`: the product at work in network namespaces of its own. `--stay`: it stays up to be played with. */
async function main(): Promise<number> {
  if (process.getuid?.() !== 0) {
    console.error('npm start needs root: it makes network namespaces and a real firewall in them');
    return 77;
  }
  await using sandbox = await Sandbox.create();
  const ok = await walkThrough(sandbox);
  if (process.argv.includes('--stay')) {
    const { server, client } = sandbox.lab.namespace;
    console.log(`
It stays up until Ctrl-C. In another terminal:
  alias kc='ip netns exec ${server} ${process.execPath} ${sandbox.program} -c ${sandbox.configuration}'
  kc status; kc list; kc events --follow
  ip netns exec ${client} knock ${ADDRESS.server[4]} 7000 8000 9000
  ip netns exec ${client} nc ${ADDRESS.server[4]} 2222`);
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  }
  if (!ok) console.error(`\nThe supervisor's log:\n${readFileSync(sandbox.log, 'utf8')}`);
  return ok ? 0 : 1;
}

process.exitCode = await main();
