/** Programs, the capture, other knockds, by made-up facts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Probe } from '../../src/doctor/facts/facts.js';
import { told } from './made-up.js';

describe('doctor: what knockctl needs', () => {
  it('nothing is told of a sound host', () => {
    assert.deepEqual(told(), []);
  });

  it('programs that are missing, by their packages', () => {
    const [first, second] = told({ missingTools: ['nft', 'setpriv'] });
    assert.match(first ?? '', /^danger: setpriv is not installed .* fix: apt-get install util-linux$/);
    assert.match(second ?? '', /^note: nft is not installed .* fix: apt-get install nftables$/);
  });

  it('sets that cannot be used', () => {
    assert.match(
      told({ ipsetProblem: 'Kernel error' })[0] ?? '',
      /^danger: the kernel’s sets cannot be used: Kernel error .* modprobe ip_set/,
    );
  });

  const capture = (probe: Probe): string => told({ probe }).join('\n');

  it('a capture that hears late', () => {
    assert.match(
      capture({ heard: true, afterMs: 990 }),
      /^warning: the capture hears packets 990 ms late .* libpcap 1\.5 or newer$/,
    );
  });

  it('a capture without the permission', () => {
    assert.match(
      capture({ heard: false, why: 'You don’t have permission' }),
      /^danger: the capture does not work: .* fix: run as root; in a container: --cap-add NET_RAW$/,
    );
  });

  it('a capture whose module cannot be loaded: another Node.js, or no libpcap', () => {
    const why = (text: string): string => capture({ heard: false, isModule: true, why: text });
    assert.match(
      why('its module was built for another Node.js'),
      /fix: npm rebuild cap .* package of knockctl/,
    );
    assert.match(why('libpcap.so.0.8: cannot open shared object file'), /fix: apt-get install libpcap0\.8$/);
  });

  it('another knockd', () => {
    assert.match(
      told({ knockds: [17, 18] })[0] ?? '',
      /^warning: another knockd is running \(pid 17, 18\) .* systemctl disable --now knockd$/,
    );
  });

  it('rules that could not be read', () => {
    assert.match(
      told({ unread: ['the rules of iptables-nft could not be read: no'] })[0] ?? '',
      /^note: the rules of iptables-nft could not be read: no/,
    );
  });
});
