import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { loadConfig } from '../../src/config/load.js';
import { parseLoadOptions, type FrontOptions } from '../../src/config/load-options.js';
import type { Settings } from '../../src/config/settings.js';

const DOORS = '[d]\nsequence = 7000\n';

/** The settings for knockd's options, where these files are there and no others. */
function settings(front: FrontOptions, files: Readonly<Record<string, string>>): Settings {
  return loadConfig({ front }, (path) => files[path]).settings;
}

describe('the options of the knockd front', () => {
  it('stand alone: no knockctl.conf, no service, the doors where knockd has them', () => {
    const front = { pidFile: '/p', logFile: '/l', interface: 'eth1', lookup: true, onlyIpv4: true };
    const { paths, listener, log, services } = settings(front, { '/etc/knockd.conf': DOORS });
    assert.deepEqual([paths.doors, paths.pidFile, log.file], ['/etc/knockd.conf', '/p', '/l']);
    assert.deepEqual([listener.interfaces, listener.families], [['eth1'], [4]]);
    assert.equal(log.lookup, true);
    assert.deepEqual(services, []);
  });

  it('-i goes before both files; PidFile and LogFile before -p and -g', () => {
    const doors = `[options]\ninterface = eth2\npidfile = /file.pid\nlogfile = /file.log\n${DOORS}`;
    const front = { doors: '/d', interface: 'eth1', pidFile: '/p', logFile: '/l' };
    const files = { '/d': doors, '/etc/knockctl/knockctl.conf': '[listener]\ninterface = eth3\n' };
    const { paths, listener, log } = settings(front, files);
    assert.deepEqual(listener.interfaces, ['eth1']);
    assert.deepEqual([paths.pidFile, log.file], ['/file.pid', '/file.log']);
  });

  it('a knockctl.conf counts beside them, its own log and its doors too', () => {
    const conf = '[paths]\ndoors = /mine\n[log]\nfile = /mine.log\nlookup = yes\n[service.web]\nports = 80\n';
    const files = { '/etc/knockctl/knockctl.conf': conf, '/mine': DOORS, '/d': DOORS };
    const own = settings({ logFile: '/l' }, files);
    assert.deepEqual([own.paths.doors, own.log.file, own.log.lookup], ['/mine', '/mine.log', true]);
    assert.deepEqual(
      own.services.map(({ name }) => name),
      ['web'],
    );
    assert.equal(settings({ doors: '/d' }, files).paths.doors, '/d');
    assert.deepEqual(own.listener.families, [4, 6]);
  });

  it('a file of doors that is not there is named', () => {
    assert.throws(() => settings({ doors: '/d' }, { '/etc/knockd.conf': DOORS }), {
      name: 'ConfigError',
      message: '/d: there is no such file',
    });
  });
});

describe('the options as JSON', () => {
  it('are read as they were written', () => {
    const front = {
      doors: '/d',
      interface: 'any',
      pidFile: '/p',
      logFile: '/l',
      lookup: true,
      onlyIpv4: true,
    };
    for (const options of [{}, { file: '/k' }, { front }, { file: '/k', front: {} }]) {
      assert.deepEqual(parseLoadOptions(JSON.stringify(options)), options);
    }
  });

  it('and nothing else is', () => {
    for (const text of ['', '1', 'null', '[]', '{"file":1}', '{"x":1}', '{"front":null}']) {
      assert.throws(() => parseLoadOptions(text), Error, text);
    }
    for (const front of [{ x: 1 }, { doors: 1 }, { lookup: 'yes' }, { onlyIpv4: 1 }, ['doors']]) {
      assert.throws(() => parseLoadOptions(JSON.stringify({ front })), /no options of a supervisor/);
    }
  });
});
