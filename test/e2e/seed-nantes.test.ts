import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAMILIES } from '../../src/base/address.js';
import { ADDRESS, type Place } from '../helpers/lab.js';
import { createHost, type Host, install, seed, WAYS } from './host.js';

const DOORS = seed('nantes.knockd.conf');
const TRUSTED = seed('nantes.knockd.trusted');
/** /var/run/knockd.pid; /var/run is an absolute link, which would lead out of the host. */
const PID_FILE = '/run/knockd.pid';
const DECOYS = [
  ['banned1', 1220, 1221],
  ['banned2', 1224, 1225],
  ['banned3', 1226, 1226],
  ['banned4', 1223, 1224],
  ['banned5', 1222, 1222],
] as const;

/** The server's firewall: our part of it, without what is only ours to know (log limit, comment, packets that hide what they are). */
const CHAINS = `-A INPUT -j ssh_policy
-A ssh_banned ssh_banned src -j DROP
-A ssh_decoyed ssh_decoyed src -j DROP
-A ssh_filter ssh_granted src -j ACCEPT
-A ssh_filter ssh_filter src -j ACCEPT
-A ssh_policy -j ssh_banned
-A ssh_policy -j ssh_trusted
-A ssh_policy -j ssh_filter
-A ssh_policy -j ssh_decoyed
-A ssh_policy ! ssh_alive dst -j RETURN
-A ssh_policy -j LOG
-A ssh_policy -j DROP
-A ssh_trusted ssh_trusted src -j ACCEPT
`;

function chainsIn(saved: string): string {
  const rules = saved
    .split('\n')
    .filter((line) => /^-A (?:ssh_(?!hidden|headers|reassemble|stray)|INPUT .*-j ssh_policy)/.test(line));
  const short = rules.map((rule) => {
    const set = /(! )?--match-set (\w+?)[46]? (src|dst)/.exec(rule);
    const match = set === null ? '' : ` ${set[1] ?? ''}${set[2] ?? ''} ${set[3] ?? ''}`;
    return `${/^-A \w+/.exec(rule)?.[0] ?? ''}${match} ${/-j \w+/.exec(rule)?.[0] ?? ''}\n`;
  });
  return short.join('');
}

async function listed(host: Host, options: readonly string[], list: string): Promise<string[]> {
  const entries: unknown = JSON.parse(await host.must(...options, 'list', list, '--json'));
  assert.ok(Array.isArray(entries));
  return entries.map(
    (entry: { readonly address: string; readonly by: string }) => `${entry.address} ${entry.by}`,
  );
}

for (const way of WAYS) {
  test(`Nantes’s configuration end to end, ${way.way}`, async () => {
    await using host = await createHost(way);
    const { lab } = host;
    const options = install(host, way, DOORS, TRUSTED);
    const resolvable = way.bare;
    if (resolvable) {
      const names = FAMILIES.map((family) => `${ADDRESS.client2[family]} ssh.maths.fr\n`);
      host.write('/etc/hosts', host.read('/etc/hosts') + names.join(''));
    }
    const before = `${await lab.save('server', 4)}${await lab.save('server', 6)}`;
    await host.must(...options, 'start');
    for (const family of FAMILIES) assert.equal(chainsIn(await lab.save('server', family)), CHAINS);
    assert.match(host.read(PID_FILE), /^\d+\n$/);

    const gets = async (from: Place, family: 4 | 6): Promise<boolean> =>
      lab.canConnect(from, ADDRESS.server[family], 22, 400);
    const said = async (text: string): Promise<void> =>
      lab.waitFor(() => host.syslog.includes(text), `${text} in the syslog`);
    const file = ['29.123.4.0/24 file', '29.123.21.0/24 file', '30.28.121.188 file'];
    if (resolvable) {
      await said('trusted host ssh.maths.fr is 10.77.2.2, fd77:2::2');
      const host4 = `${ADDRESS.client2[4]} file ssh.maths.fr`;
      const host6 = `${ADDRESS.client2[6]} file ssh.maths.fr`;
      await lab.waitFor(async () => gets('client2', 6), 'ssh.maths.fr to be let in');
      assert.deepEqual((await listed(host, options, 'trusted')).sort(), [host4, ...file, host6].sort());
    } else {
      await said('ssh.maths.fr does not resolve');
      assert.deepEqual((await listed(host, options, 'trusted')).sort(), file.toSorted());
    }

    for (const family of FAMILIES) {
      const [server, client] = [ADDRESS.server[family], ADDRESS.client[family]];
      assert.equal(await gets('client', family), false);
      assert.equal(await gets('client2', family), resolvable);
      await lab.knock('client', server, [1228, 1227], { client: way.client });
      await said(`${client} accepted at ssh for 300 s`);
      assert.equal(await gets('client', family), true);
      assert.ok((await listed(host, options, 'filter')).includes(`${client} door opencloseSSH`));

      await lab.knock('client', server, [1220, 1221], { client: way.client });
      await said(`${client} is let in at this moment`);
      assert.equal(await gets('client', family), true, 'the packets may be forged');
      await host.must(...options, 'flush', client);
      for (const [door, ...ports] of DECOYS) {
        await lab.knock('client', server, ports, { client: way.client });
        const isBanned = async (): Promise<boolean> =>
          (await listed(host, options, 'banned')).includes(`${client} door ${door}`);
        await lab.waitFor(isBanned, `${client} banned by ${door}`);
        if (door === 'banned1') {
          assert.equal(await gets('client', family), false);
          await lab.knock('client', server, [1228, 1227], { client: way.client });
          assert.equal(await gets('client', family), false, 'no knock helps whom a decoy has banned');
        }
        await host.must(...options, 'flush', client);
      }
      if (!resolvable) continue;
      const trusted = ADDRESS.client2[family];
      await lab.knock('client2', server, [1226, 1226]);
      await said(`banned3: drop refused: ${trusted} is trusted`);
      assert.equal(await gets('client2', family), true);
    }

    // Whoever tries one port after the other meets a decoy.
    const scan = ['/usr/bin/nmap', '-n', '-Pn', '-sS', '-r', '-T4', '-p', '1200-1230', ADDRESS.server[4]];
    await lab.exec('client', scan);
    const isBanned = async (): Promise<boolean> =>
      (await listed(host, options, 'banned')).some((entry) =>
        entry.startsWith(`${ADDRESS.client[4]} door ban`),
      );
    await lab.waitFor(isBanned, 'the scanner banned');
    assert.equal(await gets('client', 4), false);

    await host.must(...options, 'stop');
    assert.equal(`${await lab.save('server', 4)}${await lab.save('server', 6)}`, before);
    assert.throws(() => host.read(PID_FILE), { code: 'ENOENT' });
    assert.match(host.syslog, /knockctl\[\d+\]: 10\.77\.1\.2: opencloseSSH: OPEN SESAME/);
    assert.match(host.syslog, /: shutting down/);
  });
}
