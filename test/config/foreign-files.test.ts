import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { foreignFile } from '../../src/config/foreign-files.js';
import { parseKnockctlConf } from '../../src/config/knockctl/knockctl-conf.js';
import { parseKnockdConf } from '../../src/config/knockd/knockd-conf.js';
import { readSeed, SEEDS } from './seeds.js';

const FILES: readonly (readonly [text: string, line: number, name: RegExp])[] = [
  ['# x\nSOURCE    ANY\nOPEN_PORTS   tcp/22\nKEY_BASE64 AAAA\n', 2, /^this is fwknop's access\.conf, and no knockd\.conf: /],
  ['SOURCE: ANY;\nOPEN_PORTS: tcp/22;\nKEY: secret;\nFW_ACCESS_TIMEOUT: 30;\n', 1, /fwknop's access\.conf/],
  ['%include x\nSOURCE 10.0.0.0/8\nGPG_HOME_DIR /root/.gnupg\n', 2, /fwknop's access\.conf/],
  ['PCAP_INTF   eth0;\nENABLE_IPT_FORWARDING Y;\n', 1, /fwknopd\.conf/],
  ['[default]\nSPA_SERVER 192.0.2.1\n', 2, /fwknoprc/],
  ['[GENERAL]\nport = 5800/tcp\n[NFTABLES]\ntimeout = 600\n[KEYS]\n00000000 = aa\n[RESOURCES]\n00000001 = port : 22\n', 5, /letmein's letmeind\.conf/],
  ['[CLIENT]\ncontrol-timeout = 5\n[SERVER:example.com]\nuser = 00000000\n', 3, /letmein\.conf, of its client/],
  ['[service.ssh]\nports = 22\n', 1, /knockctl's own knockctl\.conf/],
  ['START_KNOCKD=1\nKNOCKD_OPTS="-i eth0"\n', 1, /KNOCKD_OPTS/],
]; // prettier-ignore

describe('configurations of other programs', () => {
  for (const [text, line, name] of FILES) {
    it(`${name.source}: one fault, with the line that shows it`, () => {
      const { faults, doors } = parseKnockdConf(text, 'f');
      assert.equal(faults.length, 1);
      assert.equal(faults[0]?.line, line);
      assert.match(faults[0].message, name);
      assert.deepEqual(doors, []);
    });
  }

  it('a knockd.conf with faults is one all the same', () => {
    for (const seed of SEEDS) assert.equal(foreignFile(readSeed(seed)), undefined, seed);
    const { faults } = parseKnockdConf('[SOURCE]\nsequence = 1\nfoo\n', 'f');
    assert.match(faults[0]?.message ?? '', /syntax error/);
  });

  it('directives of TOTP forks are refused with what there is instead', () => {
    for (const text of [
      '[d]\nsequence = 1\nkey = ABC\n',
      '[options]\nkey = ABC\n',
      '[d]\nsequence=1\nTOTP_Secret = x\n',
    ]) {
      const { faults } = parseKnockdConf(text, 'f');
      assert.match(
        faults[0]?.message ?? '',
        /fork of knockd with codes that change with the time.*one_time_sequences = FILE/,
      );
    }
  });

  it('seq_cooldown is known, and checked', () => {
    const [door] = parseKnockdConf('[d]\nsequence = 1\nSeq_Cooldown = 5\n', 'f').doors;
    assert.equal(door?.door.cooldownMs, 5_000);
    assert.equal(
      parseKnockdConf('[d]\nsequence = 1\nseq_cooldown = 0\n', 'f').doors[0]?.door.cooldownMs,
      undefined,
    );
    assert.match(
      parseKnockdConf('[d]\nsequence = 1\nseq_cooldown = -1\n', 'f').faults[0]?.message ?? '',
      /seq_cooldown "-1" is invalid/,
    );
  });
});

describe('an interface with a label', () => {
  it('is the interface, as knockd has it, with a remark', () => {
    const { options, faults, warnings } = parseKnockdConf('[options]\nInterface = eth0:0\n', 'f');
    assert.deepEqual(faults, []);
    assert.equal(options.interface, 'eth0');
    const conf = parseKnockctlConf('[listener]\ninterface = eth1:7, wg0\n', 'k');
    assert.deepEqual(conf.settings.listener.interfaces, ['eth1', 'wg0']);
    assert.match(conf.warnings[0]?.message ?? '', /^interface: eth1:7 is a label/);
    assert.match(
      warnings[0]?.message ?? '',
      /eth0:0 is a label of an address, no interface: knocks are heard on eth0/,
    );
  });
});
