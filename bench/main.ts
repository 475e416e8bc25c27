import { measureUnderFlood } from './under-flood.js';
const [engine, backend, cases, sources] = process.argv.slice(2);
console.log(JSON.stringify(await measureUnderFlood(engine as 'kernel', backend as 'nft', JSON.parse(cases ?? ''), sources ? Number(sources): undefined), undefined, 0));
