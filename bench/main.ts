import { measureLatency } from './latency.js';
for (const [e, b, f] of [
  ['kernel', 'nft', 4],
  ['listener', 'nft', 4],
  ['knockd', 'nft', 4],
  ['kernel', 'legacy', 4],
  ['kernel', 'nft', 6],
  ['knockd', 'nft', 6],
] as const)
  console.log(JSON.stringify(await measureLatency(e, b, f, 40)));
