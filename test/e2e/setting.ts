import { test } from 'node:test';

import type { Family } from '../../src/base/address.js';
import { ADDRESS, createLab, type Backend, type KnockOptions, type Lab, type Place } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import { Product, QUICK, type ProductOptions } from '../helpers/product.js';

export const BACKENDS: readonly Backend[] = ['nft', 'legacy'];

/** Doors as an administrator of ours would write them: one that lets in, and one that bans. */
export const DOORS = `[open]
sequence = 7000,8000,9000
seq_timeout = 5
tcpflags = syn
command = knockctl accept %IP%

[decoy]
sequence = 1000,1001
tcpflags = syn
command = /etc/rc.d/init.d/knockd drop %IP%
`;
export const OPEN = [7000, 8000, 9000];
export const DECOY = [1000, 1001];

/** An answer within one machine takes less than 1 ms; the rest is for a machine that is busy. */
const PROBE_MS = 400;

/** A lab with the product in it, seen by one family. */
export interface Setting {
  readonly lab: Lab;
  readonly product: Product;
  readonly family: Family;
  /** The server's address that both clients use. */
  readonly server: string;
  readonly client: string;
  readonly client2: string;
  /** One attempt at port 22, or another. */
  readonly gets: (from: Place, port?: number) => Promise<boolean>;
  /** Waits until the port opens, or shuts, for somebody. */
  readonly opens: (from: Place, port?: number) => Promise<void>;
  readonly shuts: (from: Place, port?: number) => Promise<void>;
  readonly knock: (from: Place, ports: readonly (string | number)[], options?: KnockOptions) => Promise<void>;
}

export interface SettingOptions extends Partial<ProductOptions> {
  /** Lines of [firewall] instead of `backend = …`. */
  readonly firewall?: string;
  /** Further lines of [service.ssh]. */
  readonly service?: string;
}

/** The configuration of a test: short times, the lab's back end, and one service of port 22. */
export function conf(backend: Backend, { firewall, service }: SettingOptions = {}): string {
  return `${QUICK}[firewall]\n${firewall ?? `backend = ${backend}`}\n[service.ssh]\n${service ?? ''}\n`;
}

/** The same with a switch that a busy machine does not let run out: for tests that are not about it. */
export function patient(backend: Backend, options: SettingOptions = {}, switchS = 30): string {
  return conf(backend, options).replace('switch_timeout = 3', `switch_timeout = ${switchS}`);
}

/** The product in a lab that is there, seen by one family. */
export function look(lab: Lab, product: Product, family: Family): Setting {
  const server = ADDRESS.server[family];
  const gets = async (from: Place, port = 22): Promise<boolean> =>
    lab.canConnect(from, server, port, PROBE_MS);
  const until = async (from: Place, port: number, open: boolean): Promise<void> => {
    const what = `port ${port} ${open ? 'open' : 'shut'} for ${from} over IPv${family}`;
    await lab.waitFor(async () => (await gets(from, port)) === open, what);
  };
  return {
    lab,
    product,
    family,
    server,
    client: ADDRESS.client[family],
    client2: ADDRESS.client2[family],
    gets,
    opens: async (from, port = 22) => until(from, port, true),
    shuts: async (from, port = 22) => until(from, port, false),
    knock: async (from, ports, options) => {
      const done = await lab.knock(from, server, ports, options);
      if (done.exitCode !== 0) throw new Error(`the knock failed: ${done.stderr}`);
    },
  };
}

type Case = readonly [Backend, Family];
const CASES: readonly Case[] = [
  ['nft', 6],
  ['legacy', 4],
  ['nft', 4],
  ['legacy', 6],
];

/**
 * One test body on one back end with one family, taken in turns (matrix.ts). It has a lab, an echo server on port 22 and
 * the product of its own, not started yet.
 */
export function inTurn(name: string, options: SettingOptions, body: Body): void {
  declare(inTurns(CASES), name, options, body);
}

/** Declares a test in some of the combinations of back end and family. */
export type Declare = typeof inTurn;

/** In all four combinations: for tests of test:long. */
export function everywhere(name: string, options: SettingOptions, body: Body): void {
  declare(CASES, name, options, body);
}

type Body = (setting: Setting) => Promise<void>;

function declare(cases: readonly Case[], name: string, options: SettingOptions, body: Body): void {
  for (const [backend, family] of cases) {
    test(`${name} (${backend}, IPv${family})`, async () => {
      await using lab = await createLab({ backend });
      await lab.tcpEcho('server', 22);
      const product = new Product(lab, { conf: conf(backend, options), doors: DOORS, ...options });
      await body(look(lab, product, family));
    });
  }
}
