import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createContext, Script } from 'node:vm';

import decodeQR from 'qr/decode.js';

import { fileName, profileText } from '../../../src/ctl/setup/client/forms.js';
import { page, pageNote, pageRefusal } from '../../../src/ctl/setup/client/page.js';
import { findDoor, planFor, type ClientPlan } from '../../../src/ctl/setup/client/plan.js';
import { qrCode } from '../../../src/ctl/setup/client/qr-code.js';
import { shellScript } from '../../../src/ctl/setup/client/shell-script.js';
import { parseProfile } from '../../../src/client/profile.js';
import { loadConfig } from '../../../src/config/load.js';

const PLAN: ClientPlan = {
  door: 'open',
  host: 'gate.example.org',
  steps: [7000, 8000, 9100].map((port) => ({ port, protocol: 'tcp' })),
  delayMs: 100,
  port: 22,
  service: 'ssh',
  tolerant: false,
};

const DOORS = `[open]
sequence = 7000,8000:udp,9000
seq_timeout = 1
tcpflags = syn,!ack
command = knockctl accept %IP% --service web
[fin]
sequence = 7000,8000
tcpflags = fin
command = knockctl accept %IP% --service web
[decoy]
sequence = 1000,1001
command = knockctl drop %IP%
`;
const CONF = '[service.ssh]\n[service.web]\nports = 443\n';

describe('the door that a name means', () => {
  const files: Readonly<Record<string, string>> = {
    '/etc/knockctl/knockctl.conf': CONF,
    '/etc/knockctl/knockd.conf': DOORS,
  };
  const config = loadConfig({ file: undefined }, (path) => files[path]);

  it('is that of a door, or of the service that it lets in to', () => {
    for (const name of ['open', 'web']) {
      const found = findDoor(config, name);
      assert.ok(found.ok, name);
      const plan = planFor(config, found.value, 'h');
      assert.deepEqual([plan.door, plan.port, plan.service], ['open', 443, 'web']);
      assert.equal(plan.delayMs, 200, 'in half of the time that the door gives');
    }
  });

  it('is refused where no client could knock, with the reason', () => {
    const reason = (name: string): string => {
      const found = findDoor(config, name);
      return found.ok ? '' : found.reason;
    };
    assert.match(reason('fin'), /other tcpflags than a lone SYN/);
    assert.match(reason('ssh'), /no door lets in to ssh/);
    assert.match(reason('opem'), /\(did you mean open\?\); there are: open, fin, decoy$/);
  });
});

describe('the forms', () => {
  it('a profile is one that knock reads', () => {
    const parsed = parseProfile(profileText(PLAN), '/f');
    assert.ok(parsed.ok);
    assert.deepEqual([parsed.value.host, parsed.value.ports], [PLAN.host, ['7000', '8000', '9100']]);
    assert.equal(fileName('my door/ä'), 'my-door-');
    assert.equal(fileName('…'), 'knock');
  });

  it('a script keeps odd words to itself', () => {
    assert.match(shellScript({ ...PLAN, host: "x'; rm -rf /'" }), /^host='x'\\''; rm -rf \/'\\'''$/m);
  });

  it('a QR code says what was written, and is none where it would not fit', () => {
    const text = 'knock -d 200 gate.example.org 7000 8000:udp 9000';
    const drawn = qrCode(text, 80, false);
    assert.ok(drawn !== undefined);
    const lines = drawn.trimEnd().split('\n');
    const width = lines[0]?.length ?? 0;
    assert.ok(width <= 80);
    assert.equal(decodeQR(image(lines)), text);
    assert.equal(qrCode(text, width - 1, false), undefined);
    assert.match(qrCode(text, 80, true) ?? '', /^\u001b\[37m\u001b\[40m█/);
  });

  it('the QR code is in a file of its own, which nothing else loads at its start', () => {
    const app = fileURLToPath(new URL('../../../app/', import.meta.url));
    const chunks = readdirSync(`${app}lib`).filter((name) =>
      readFileSync(`${app}lib/${name}`, 'utf8').includes('encodeQR'),
    );
    assert.ok(chunks.some((name) => name.startsWith('qr-code')));
    for (const name of ['knockctl', 'knock', 'listener', 'detached'])
      assert.doesNotMatch(readFileSync(`${app}bin/${name}.js`, 'utf8'), /qr-code/);
  });
});

describe('the page', () => {
  it('tries to connect to each port in order, and gives up each', async () => {
    const made = page(PLAN);
    assert.ok(made.ok);
    const script = /<script>([\s\S]*)<\/script>/.exec(made.value)?.[1] ?? '';
    const [asked, aborted]: string[][] = [[], []];
    let click: (() => Promise<void>) | undefined;
    const element = {
      textContent: '',
      disabled: false,
      addEventListener: (_name: string, job: () => Promise<void>) => (click = job),
    };
    const fetch = async (url: string, { signal }: { readonly signal: AbortSignal }): Promise<never> => {
      asked?.push(url);
      signal.addEventListener('abort', () => aborted?.push(url));
      return sleep(60_000, undefined, { signal, ref: false }) as Promise<never>;
    };
    new Script(script).runInContext(
      createContext({ document: { getElementById: () => element }, fetch, setTimeout, AbortController }),
    );
    await click?.();
    const urls = [7000, 8000, 9100].map((port) => `https://gate.example.org:${port}/`);
    assert.deepEqual([asked, aborted], [urls, urls]);
    assert.equal(element.textContent, 'Knocked: connect now.');
  });

  it('is none for what a browser cannot do, and warns of what it does', () => {
    const steps = (...ports: readonly number[]): ClientPlan => ({
      ...PLAN,
      steps: ports.map((port) => ({ port, protocol: 'tcp' })),
    });
    assert.equal(pageRefusal(PLAN), undefined);
    assert.match(pageRefusal(steps(7000, 6667, 22)) ?? '', /do not connect to port 6667, 22/);
    assert.match(pageRefusal(steps(7000, 8000, 7000)) ?? '', /a port twice/);
    assert.match(pageRefusal({ ...PLAN, steps: [{ port: 7, protocol: 'udp' }] }) ?? '', /by UDP/);
    assert.equal(pageNote(PLAN), undefined);
    assert.match(pageNote({ ...PLAN, delayMs: 400 }) ?? '', /duplicates = tolerate/);
    assert.equal(pageNote({ ...PLAN, delayMs: 400, tolerant: true }), undefined);
  });

  it('holds IPv6 addresses in brackets, and nothing that ends its script', () => {
    const made = page({ ...PLAN, host: '2001:db8::1' });
    assert.ok(made.ok && made.value.includes('"[2001:db8::1]"'));
    const odd = page({ ...PLAN, host: '</script>' });
    assert.ok(odd.ok && odd.value.split('</script>').length === 2);
  });
});

/** The picture of a code as a camera would have it. */
function image(lines: readonly string[]): { width: number; height: number; data: Uint8Array } {
  const scale = 4;
  const rows = lines.flatMap((line) => [
    line.split('').map((char) => char === ' ' || char === '▄'),
    line.split('').map((char) => char === ' ' || char === '▀'),
  ]);
  const [width, height] = [(rows[0]?.length ?? 0) * scale, rows.length * scale];
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1)
      if (rows[Math.floor(y / scale)]?.[Math.floor(x / scale)] === true)
        data.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
  return { width, height, data };
}
