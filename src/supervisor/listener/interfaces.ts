import { readIfExists } from '../../system/files.js';

/** IFF_UP of net/if.h. */
const UP = 1;

/** Those of the interfaces that exist and are up; `any` always is. */
export function presentInterfaces(names: readonly string[]): string[] {
  return names.filter((name) => {
    if (name === 'any') return true;
    const flags = readIfExists(`/sys/class/net/${name}/flags`);
    return flags !== undefined && (Number(flags.trim()) & UP) !== 0;
  });
}
