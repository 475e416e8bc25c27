import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { readableSecrets } from '../../src/doctor/facts/readable-secrets.js';
import { parse } from '../../src/iptables-parser/parse.js';
import { isReadableByOthers } from '../../src/system/readable-by-others.js';
import { TempFolder } from '../helpers/temp.js';
import { config, told } from './made-up.js';

const rules = (lines: string): Map<'nft', Map<4, ReturnType<typeof parse>>> =>
  new Map([['nft', new Map([[4, parse(`*filter\n${lines}\nCOMMIT\n`)]])]]);

describe('doctor, about the secret', () => {
  it('names files that every user can read', () => {
    const [text = ''] = told({
      readableSecrets: [{ path: '/etc/knockd.conf', holds: 'holds the sequences' }],
    });
    assert.match(
      text,
      /^warning: \/etc\/knockd.conf can be read by every user .* fix: chmod o= \/etc\/knockd.conf;/,
    );
  });

  it('knows them by their mode, and that of the folders above', () => {
    using dir = new TempFolder();
    chmodSync(dir.path, 0o755);
    const folder = `${dir.path}/etc`;
    mkdirSync(folder, { mode: 0o755 });
    const path = `${folder}/doors`;
    for (const [file, above, expected] of [
      [0o644, 0o755, true],
      [0o640, 0o755, false],
      [0o644, 0o750, false],
      [0o604, 0o711, true],
    ] as const) {
      writeFileSync(path, '');
      chmodSync(path, file);
      chmodSync(folder, above);
      assert.equal(isReadableByOthers(path), expected, `${file.toString(8)} in ${above.toString(8)}`);
    }
    assert.equal(isReadableByOthers(`${folder}/absent`), false);
    chmodSync(folder, 0o755);
    chmodSync(path, 0o644);
    const value = config({});
    const settings = { ...value.settings, paths: { ...value.settings.paths, doors: path } };
    assert.deepEqual(
      readableSecrets({ ...value, settings }).map((file) => file.path),
      [path],
    );
  });

  it('recommends a final DROP where knock ports answer', () => {
    const notes = (lines: string): string[] =>
      told({ rules: rules(lines) }).filter((line) => line.includes('final') || line.includes('knock ports'));
    assert.match(
      notes(':INPUT ACCEPT [0:0]').join(),
      /^note: knock ports answer .*\(IPv4\) .* -A INPUT -j DROP/,
    );
    assert.deepEqual(notes(':INPUT DROP [0:0]'), []);
    assert.deepEqual(notes(':INPUT ACCEPT [0:0]\n-A INPUT -j DROP'), []);
  });
});
