/** The OCI image: its layout is what its digests say, and with the rights that a container runtime gives, it shuts and opens. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { Holdings, ip } from '../helpers/namespaces.js';
import { exec, LabProcess, type ExecResult } from '../helpers/processes.js';
import { waitFor } from '../helpers/wait.js';

const SCRIPT = fileURLToPath(new URL('../../../packaging/package.sh', import.meta.url));
/** What Docker and Podman leave to a container, and the one that is asked for besides. */
const CAPABILITIES = [
  'chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot setfcap',
  'net_admin',
].flatMap((words) => words.split(' '));
const KNOCKS = ['1234', '2345', '3456'];

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

describe('the OCI image', () => {
  let folder: string;
  let root: string;
  const holdings = new Holdings();

  before(() => {
    mkdirSync('/var/tmp/knockctl-host', { recursive: true });
    folder = mkdtempSync('/var/tmp/knockctl-host/image-');
    root = join(folder, 'root');
    for (const name of ['out', 'layout', 'root']) mkdirSync(join(folder, name));
    const argv = [SCRIPT, '--fast', '--format', 'image', join(folder, 'out')];
    const path = execFileSync('/bin/bash', argv, { encoding: 'utf8' }).trim();
    assert.match(path, /\/knockctl-[\d.]+-\w+-oci\.tar$/);
    execFileSync('/bin/tar', ['-xf', path, '-C', join(folder, 'layout')]);
  });
  after(() => {
    holdings.release();
    rmSync(folder, { recursive: true, force: true });
  });

  const blob = ({ digest, size }: Descriptor): Buffer => {
    const [, sum = ''] = digest.split('sha256:');
    const path = join(folder, 'layout/blobs/sha256', sum);
    assert.equal(statSync(path).size, size);
    const bytes = readFileSync(path);
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sum);
    return bytes;
  };

  test('index, manifest, configuration and layer are what their digests say', () => {
    const layout = readFileSync(join(folder, 'layout/oci-layout'), 'utf8');
    assert.deepEqual(JSON.parse(layout), { imageLayoutVersion: '1.0.0' });
    const index = JSON.parse(readFileSync(join(folder, 'layout/index.json'), 'utf8')) as {
      manifests: readonly Descriptor[];
    };
    assert.equal(index.manifests.length, 1);
    const [of] = index.manifests;
    assert.ok(of);
    assert.equal(of.mediaType, 'application/vnd.oci.image.manifest.v1+json');
    const manifest = JSON.parse(blob(of).toString()) as { config: Descriptor; layers: readonly Descriptor[] };
    const config = JSON.parse(blob(manifest.config).toString()) as {
      config: { Entrypoint: readonly string[]; Cmd: readonly string[] };
      rootfs: { diff_ids: readonly string[] };
    };
    assert.deepEqual([...config.config.Entrypoint, ...config.config.Cmd], ['/usr/sbin/knockctl', 'run']);
    const [layer] = manifest.layers;
    assert.ok(layer);
    const tar = gunzipSync(blob(layer));
    assert.deepEqual(config.rootfs.diff_ids, [`sha256:${createHash('sha256').update(tar).digest('hex')}`]);
    execFileSync('/bin/tar', ['-xf', '-', '-C', root], { input: tar, maxBuffer: 1 << 30 });
  });

  test('it shuts, hears a knock, opens, and ends at SIGTERM without a trace', async () => {
    const [host, client] = ['host', 'client'].map((name) => holdings.addNamespace(name)) as [string, string];
    ip(['link', 'add', 'eth0', 'netns', host, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', client]);
    for (const [namespace, address] of [
      [host, '10.77.4.1/24'],
      [client, '10.77.4.2/24'],
    ] as const) {
      ip(['-n', namespace, 'addr', 'add', address, 'dev', 'eth0']);
      for (const link of ['lo', 'eth0']) ip(['-n', namespace, 'link', 'set', link, 'up']);
    }
    const at = async (namespace: string, ...argv: string[]): Promise<ExecResult> =>
      exec(['/usr/sbin/ip', 'netns', 'exec', namespace, ...argv]);
    for (const [name, text] of [
      ['knockctl.conf', '[service.ssh]\nports = 22\non_failure = hold\n'],
      [
        'knockd.conf',
        `[open]\nsequence = ${KNOCKS.join(',')}\ntcpflags = syn\ncommand = knockctl accept %IP%\n`,
      ],
      ['knockd.trusted', ''],
    ] as const)
      writeFileSync(join(root, 'etc/knockctl', name), text, { mode: 0o600 });

    const script = `
      mount -t proc proc "$1/proc" && mount -t sysfs -o ro sysfs "$1/sys" && mount --rbind /dev "$1/dev"
      exec chroot "$1" /usr/bin/setpriv --bounding-set=-all,${CAPABILITIES.map((name) => `+${name}`).join(',')} --inh-caps=-all -- /usr/sbin/knockctl run`;
    const unshare = [
      '/usr/bin/unshare',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--propagation',
      'private',
    ];
    const argv = ['/usr/sbin/ip', 'netns', 'exec', host, ...unshare, '/bin/sh', '-c', script, 'sh', root];
    const container = new LabProcess(argv, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    holdings.track(container);
    // The first process of the container, which `docker exec` and `podman exec` join, and a runtime's SIGTERM goes to.
    const first = (): string =>
      readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8').trim();
    const ctl = async (...words: string[]): Promise<ExecResult> => {
      const join_ = ['--mount', '--pid', '--net', '--root', '--wd', `--target=${first()}`];
      return exec(['/usr/bin/nsenter', ...join_, '--', '/usr/sbin/knockctl', ...words]);
    };
    try {
      await waitFor(async () => (await ctl('status')).exitCode === 0, `armed: ${container.describe()}`);
    } catch (error) {
      throw new Error(`${container.describe()}\n${JSON.stringify(await ctl('status'))}`, { cause: error });
    }
    assert.match((await at(host, '/usr/sbin/iptables-save')).stdout, /knockctl:ssh/);
    await at(client, '/usr/bin/knock', '10.77.4.1', ...KNOCKS);
    await waitFor(async () => (await ctl('list')).stdout.includes('10.77.4.2'), 'the knock to open');
    assert.match((await ctl('events')).stdout, /open/i);

    process.kill(Number(first()), 'SIGTERM');
    await container.closed;
    assert.doesNotMatch((await at(host, '/usr/sbin/iptables-save')).stdout, /knockctl/);
  });
});
