import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ConfigError } from '../../src/base/errors.js';
import { DEFAULT_FILE, loadConfig } from '../../src/config/load.js';
import { type ReadText } from '../../src/config/load-options.js';
import type { Config } from '../../src/config/settings.js';
import { readSeed } from './seeds.js';

const DOORS = '/etc/knockctl/knockd.conf';
const TRUSTED = '/etc/knockctl/knockd.trusted';

/** Files in memory; an Error is what reading it throws. */
function from(files: Readonly<Record<string, string | Error>>): ReadText {
  return (path) => {
    const found = Object.hasOwn(files, path) ? files[path] : undefined;
    if (found instanceof Error) throw found;
    return found;
  };
}

function load(files: Readonly<Record<string, string | Error>>, file?: string): Config {
  return loadConfig({ file }, from(files));
}

function faults(files: Readonly<Record<string, string | Error>>, file?: string): readonly string[] {
  let thrown: unknown;
  try {
    load(files, file);
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof ConfigError);
  assert.equal(thrown.exitCode, 78);
  return thrown.message.split('\n');
}

describe('which files are read', () => {
  it('without -c and knockctl.conf: the defaults', () => {
    const config = load({ [DOORS]: '' });
    assert.equal(config.file, undefined);
    assert.deepEqual(config.doors, []);
    assert.deepEqual(config.trusted, []);
    assert.deepEqual(config.settings.services, []);
    assert.deepEqual(config.warnings, []);
    assert.equal(config.settings.paths.doors, DOORS);
  });

  it('the default knockctl.conf where there is one, another with -c', () => {
    const files = { [DOORS]: '', [DEFAULT_FILE]: '[log]\njson=yes', '/my.conf': '[log]\nlevel=debug' };
    const config = load(files);
    assert.deepEqual([config.file, config.settings.log.json], [DEFAULT_FILE, true]);
    const mine = load(files, '/my.conf');
    assert.deepEqual(
      [mine.file, mine.settings.log.json, mine.settings.log.level],
      ['/my.conf', false, 'debug'],
    );
  });

  it('a file given with -c must be there and readable', () => {
    assert.deepEqual(faults({ [DOORS]: '' }, '/my.conf'), ['/my.conf: there is no such file']);
    assert.deepEqual(faults({ '/my.conf': new Error('EACCES') }, '/my.conf'), [
      '/my.conf: cannot be read: EACCES',
    ]);
    assert.deepEqual(faults({ [DEFAULT_FILE]: new Error('EISDIR') }), [
      `${DEFAULT_FILE}: cannot be read: EISDIR`,
    ]);
  });

  it('doors: /etc/knockctl/knockd.conf, else /etc/knockd.conf', () => {
    const old = { '/etc/knockd.conf': '[old]\nsequence=1' };
    const both = load({ ...old, [DOORS]: '[new]\nsequence=1' });
    assert.equal(both.doors[0]?.door.name, 'new');
    const config = load(old);
    assert.deepEqual([config.doors[0]?.door.name, config.settings.paths.doors], ['old', '/etc/knockd.conf']);
    assert.deepEqual(faults({}), [
      `${DOORS}: there is no such file, nor /etc/knockd.conf: write the doors there`,
    ]);
    assert.deepEqual(faults({ ...old, [DOORS]: new Error('EACCES') }), [`${DOORS}: cannot be read: EACCES`]);
  });

  it('doors that knockctl.conf names must be there', () => {
    const files = { [DEFAULT_FILE]: '[paths]\ndoors=/my/doors', '/etc/knockd.conf': '' };
    assert.deepEqual(faults(files), [`${DEFAULT_FILE}:2: doors: there is no file /my/doors`]);
    assert.equal(load({ ...files, '/my/doors': '' }).settings.paths.doors, '/my/doors');
  });

  it('the trusted list may be missing at its default path only', () => {
    const files = { [DOORS]: '', [DEFAULT_FILE]: '[paths]\ntrusted=/my/list' };
    assert.deepEqual(faults(files), [
      `${DEFAULT_FILE}:2: trusted: there is no file /my/list; an empty one will do`,
    ]);
    assert.deepEqual(load({ ...files, '/my/list': '10.0.0.0/8' }).trusted, [
      { line: 1, text: '10.0.0.0/8', network: '10.0.0.0/8' },
    ]);
    assert.deepEqual(faults({ [DOORS]: '', [TRUSTED]: new Error('EIO') }), [
      `${TRUSTED}: cannot be read: EIO`,
    ]);
  });
});

describe('faults', () => {
  it('of all three files come at once', () => {
    const files = {
      [DEFAULT_FILE]: '[log]\nlevel=x\n[what]',
      [DOORS]: '[d]\nsequence=0\ntcpflags=x',
      [TRUSTED]: 'a\n???',
    };
    assert.deepEqual(
      faults(files).map((fault) => fault.split(' ')[0]),
      [`${DEFAULT_FILE}:2:`, `${DEFAULT_FILE}:3:`, `${DOORS}:2:`, `${DOORS}:3:`, `${TRUSTED}:2:`],
    );
  });

  it('of a path leave the file of its default alone', () => {
    const files = { [DEFAULT_FILE]: '[paths]\ndoors=x\ntrusted=y', [DOORS]: '[', [TRUSTED]: '???' };
    assert.deepEqual(
      faults(files).map((fault) => fault.split(' ')[0]),
      [`${DEFAULT_FILE}:2:`, `${DEFAULT_FILE}:3:`],
    );
  });

  it('name a verb for a service that is not there', () => {
    const doors = '[d]\nsequence=1\ncommand=knockctl accept %IP% --service web';
    assert.deepEqual(faults({ [DOORS]: doors, [DEFAULT_FILE]: '[service.a]\n[service.b]\nports=80' }), [
      `${DOORS}:1: door d: knockctl accept %IP% --service web: there is no service web (there are: a, b)`,
    ]);
    assert.match(faults({ [DOORS]: doors }).join(), /there is no service web \(there are: ssh\)/);
    assert.doesNotThrow(() => load({ [DOORS]: doors, [DEFAULT_FILE]: '[service.web]\nports=80' }));
  });
});

describe('the options of knockd.conf', () => {
  const doors = '[options]\nlogfile=/l\npidfile=/p\ninterface=eth1\nusesyslog';

  it('count where knockctl.conf leaves the same thing at its default', () => {
    const { settings } = load({ [DOORS]: doors });
    assert.equal(settings.paths.pidFile, '/p');
    assert.deepEqual(settings.listener.interfaces, ['eth1']);
    assert.deepEqual([settings.log.file, settings.log.syslog], ['/l', true]);
  });

  it('give way to knockctl.conf', () => {
    const own = '[listener]\ninterface=eth0 eth2\n[log]\nfile=/own\nsyslog=no\n[paths]\nrun=/r';
    const { settings } = load({ [DOORS]: '[options]\nlogfile=/l\ninterface=eth1', [DEFAULT_FILE]: own });
    assert.equal(settings.paths.pidFile, '/r/knockctl.pid');
    assert.deepEqual(settings.listener.interfaces, ['eth0', 'eth2']);
    assert.deepEqual([settings.log.file, settings.log.syslog], ['/own', false]);
  });
});

describe('services', () => {
  it('are implied by verbs where none is written', () => {
    const config = load({
      '/etc/knockd.conf': readSeed('nantes.knockd.conf'),
      [TRUSTED]: readSeed('nantes.knockd.trusted'),
    });
    assert.deepEqual(
      config.settings.services.map(({ name, ports, acceptTimeoutS }) => [name, ports, acceptTimeoutS]),
      [['ssh', [22], 300]],
    );
    assert.equal(config.trusted.length, 4);
    assert.equal(config.warnings.length, 1);
    assert.match(
      config.warnings[0] ?? '',
      /^\/etc\/knockd\.conf:5: door opencloseSSH uses a verb .*port 22 is protected/,
    );
  });

  it('are implied by a verb for IPv6 or in a stop command too', () => {
    const lines = ['command_6=knockctl accept %IP%', 'command=x\nstop_command=knockctl flush %IP%'];
    for (const line of lines) {
      assert.equal(load({ [DOORS]: `[d]\nsequence=1\n${line}` }).settings.services.length, 1);
    }
  });

  it('are those written, where there are any', () => {
    const config = load({
      [DOORS]: readSeed('nantes.knockd.conf'),
      [DEFAULT_FILE]: '[service.web]\nports=80',
    });
    assert.deepEqual(
      config.settings.services.map(({ name }) => name),
      ['web'],
    );
    assert.deepEqual(config.warnings, []);
  });

  it('are none for doors that run commands: plain, supervised knockd', () => {
    const config = load({ [DOORS]: readSeed('debian-default.knockd.conf') });
    assert.deepEqual(config.settings.services, []);
    assert.deepEqual(config.warnings, []);
  });

  it('bring a warning for a rule that would never be reached', () => {
    const services = '[service.ssh]';
    const config = load({ [DOORS]: readSeed('debian-default.knockd.conf'), [DEFAULT_FILE]: services });
    assert.equal(config.warnings.length, 1);
    assert.match(
      config.warnings[0] ?? '',
      new RegExp(`^${DOORS}:3: door openSSH: its rule for port 22 would stand behind`),
    );
    const named = {
      [DOORS]: '[d]\nsequence=1\ncommand=iptables -A INPUT --dport my -j ACCEPT',
      '/etc/services': 'my 22/tcp',
    };
    assert.equal(load({ ...named, [DEFAULT_FILE]: services }).warnings.length, 1);
    assert.equal(
      load({ ...named, [DEFAULT_FILE]: services, '/etc/services': new Error('EIO') }).warnings.length,
      0,
    );
  });
});
