/**
 * What some configurations compile to, as files that a person can read: test/firewall/doors/golden. To write them anew
 * after a change that is meant: `GOLDEN=write node --test dist/test/firewall/doors/golden.test.js`, then read the diff.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { FAMILIES, type Family } from '../../../src/base/address.js';
import { sentinelLine } from '../../../src/firewall/sets/sentinel.js';
import { serviceSets } from '../../../src/firewall/sets/set-specs.js';
import { KernelSpace } from '../../helpers/kernel-space.js';
import { compiled, EXAMPLES, loadText, placements, readExample, type Example } from './configurations.js';

const FOLDER = fileURLToPath(new URL('../../../../test/firewall/doors/golden/', import.meta.url));

function golden(example: Example, family: Family): string {
  const { sets, rules } = loadText(compiled(example, family));
  const { touched } = compiled(example, family);
  const comment = (text: string): string => text.trim().replaceAll(/^/gm, '# ');
  const places = placements(example, family).map(({ door, action, ...more }) =>
    action === undefined
      ? `# [${door.name}] with the listener: ${'reason' in more ? more.reason : ''}\n`
      : `# [${door.name}] in the kernel: ${JSON.stringify(action)}\n`,
  );
  return [
    `${comment(example.doors)}\n#\n`,
    example.conf === undefined ? '' : `${comment(example.conf)}\n#\n`,
    ...places,
    '\n# ipset\n',
    ...touched.map((set) => `${sentinelLine(set, family)}\n`),
    sets,
    '\n# iptables-restore --noflush\n',
    rules,
  ].join('');
}

for (const example of EXAMPLES) {
  describe(`the doors of ${example.name}`, () => {
    for (const family of FAMILIES) {
      const file = `${FOLDER}${example.name}-${family}.rules`;

      it(`compile to ${example.name}-${family}.rules`, () => {
        const text = golden(example, family);
        if (process.env['GOLDEN'] === 'write') writeFileSync(file, text);
        assert.equal(text, readFileSync(file, 'utf8'));
      });

      for (const backend of ['nft', 'legacy'] as const) {
        it(`IPv${family}, ${backend}: are what the kernel gives back`, async () => {
          await using space = new KernelSpace();
          const { settings } = readExample(example);
          const services = settings.services.flatMap(({ name }) => serviceSets(name));
          const { sets, rules } = loadText(compiled(example, family));
          const create = services.map((spec) => `create ${spec.name} ${spec.create}\n`).join('');
          await space.must('ipset restore', create + sets);
          const tool = `${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`;
          await space.must(`${tool}-restore --noflush`, rules);
          const saved = await space.save(backend, family);
          const { chains, jumps } = compiled(example, family).rules;
          const rulesOf = (chain: string): string[] =>
            saved
              .split('\n')
              .filter((line) => line.startsWith(`-A ${chain} `))
              .map((line) => line.slice(`-A ${chain} `.length));
          for (const [chain, lines] of chains) assert.deepEqual(rulesOf(chain), lines, chain);
          for (const chain of ['INPUT', 'FORWARD']) {
            assert.deepEqual(
              rulesOf(chain),
              jumps.filter((jump) => jump.chain === chain).map((jump) => jump.rule),
            );
          }
          const listed = await space.must('ipset list -t');
          for (const { name, create: words } of compiled(example, family).sets) {
            assert.match(listed, new RegExp(`Name: ${name}\nType: hash:ip\n.*\nHeader: ${words.slice(8)}`));
          }
        });
      }
    }
  });
}
