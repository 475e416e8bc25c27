import { lookup } from 'node:dns';

import { errorText } from '../base/errors.js';

/**
 * Looks a host name up as the machine does (hosts file, then DNS, as nsswitch.conf says): a process of its own, which whoever
 * waits can end. getaddrinfo(3) knows no end before its time, and a process that has called it cannot end before it returns.
 */
const [, , name = ''] = process.argv;
lookup(name, { all: true, verbatim: true }, (error, found) => {
  const told =
    error === null ? { addresses: found.map(({ address }) => address) } : { error: errorText(error) };
  process.stdout.write(JSON.stringify(told));
});
