/** What iptables knows as targets that are no chains. */
const TARGETS = new Set(['ACCEPT', 'DROP', 'RETURN', 'LOG', 'REJECT', 'MARK']);
const BUILT_IN = ['INPUT', 'FORWARD', 'OUTPUT'];

/**
 * A filter table that really carries out the input of `iptables-restore --noflush`: whole or not at
 * all, as the kernel does. It knows what a transaction of ours may hold, and refuses all else.
 */
export class FakeNetfilter {
  #chains = new Map<string, string[]>(BUILT_IN.map((name) => [name, []]));

  /** Carries a transaction out; gives the fault that it was refused for. */
  restore(text: string): string | undefined {
    const before = this.#chains;
    this.#chains = new Map([...before].map(([name, rules]) => [name, [...rules]]));
    try {
      this.#run(text);
      this.#checkTargets();
      return undefined;
    } catch (error) {
      this.#chains = before;
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** As iptables-save prints it. */
  save(): string {
    const names = [...this.#chains.keys()];
    const heads = names.map((name) => `:${name} ${BUILT_IN.includes(name) ? 'ACCEPT' : '-'} [0:0]`);
    const rules = names.flatMap((name) => this.rules(name).map((rule) => `-A ${name} ${rule}`));
    return ['# made by a test', '*filter', ...heads, ...rules, 'COMMIT', ''].join('\n');
  }

  get names(): string[] {
    return [...this.#chains.keys()];
  }

  rules(chain: string): readonly string[] {
    return this.#chains.get(chain) ?? [];
  }

  #run(text: string): void {
    const lines = text.split('\n');
    if (lines[0] !== '*filter' || lines.at(-2) !== 'COMMIT' || lines.at(-1) !== '') {
      throw new Error('not one table that is committed');
    }
    for (const line of lines.slice(1, -2)) this.#line(line);
  }

  #line(line: string): void {
    const chainLine = /^:(\S+) - \[0:0\]$/.exec(line)?.[1];
    if (chainLine !== undefined) {
      if (BUILT_IN.includes(chainLine)) throw new Error(`a built-in chain: ${line}`);
      this.#chains.set(chainLine, []); // made, or emptied
      return;
    }
    const [, command = '', name = '', spec = ''] = /^(-[A-Z]) (\S+)(?: (.+))?$/.exec(line) ?? [];
    const rules = this.#chains.get(name);
    if (rules === undefined) throw new Error(`no such chain: ${line}`);
    if (command === '-A') rules.push(spec);
    else if (command === '-I') rules.unshift(spec);
    else if (command === '-D') {
      const at = rules.indexOf(spec);
      if (at === -1) throw new Error(`no such rule: ${line}`);
      rules.splice(at, 1);
    } else if (command === '-F') rules.length = 0;
    else if (command === '-X') this.#removeChain(name, rules);
    else throw new Error(`not for a transaction of ours: ${line}`);
  }

  #removeChain(name: string, rules: readonly string[]): void {
    const named = [...this.#chains.values()].flat().some((rule) => targetOf(rule) === name);
    if (BUILT_IN.includes(name) || rules.length > 0 || named) throw new Error(`chain in use: ${name}`);
    this.#chains.delete(name);
  }

  #checkTargets(): void {
    for (const rule of [...this.#chains.values()].flat()) {
      const target = targetOf(rule);
      if (target !== undefined && !TARGETS.has(target) && !this.#chains.has(target)) {
        throw new Error(`no such target: ${rule}`);
      }
    }
  }
}

function targetOf(rule: string): string | undefined {
  const words = rule.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'); // a comment may hold anything
  return /(?:^|\s)-[jg] (\S+)/.exec(words)?.[1];
}
