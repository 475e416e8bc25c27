import { readFileSync } from 'node:fs';

/** The configurations that administrators published, by their file names. */
export const SEEDS = [
  'debian-default.knockd.conf',
  'home-ftp.knockd.conf',
  'home-ssh-udp.knockd.conf',
  'mixed-proto.knockd.conf',
  'nantes.knockd.conf',
  'open-close.knockd.conf',
  'nantes.knockd.trusted',
] as const;

export type Seed = (typeof SEEDS)[number];

export function readSeed(name: Seed): string {
  return readFileSync(new URL(`../../../test/fixtures/seed-configs/${name}`, import.meta.url), 'utf8');
}

/** A file of the repository that is installed as it stands. */
export function shipped(path: 'rules/service.rules' | 'trusted/knockd.trusted'): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
}
