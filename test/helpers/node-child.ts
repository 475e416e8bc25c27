import { exec, LabProcess, type ExecResult, type StartOptions } from './processes.js';

/** Words that run an ES module's text with this Node. */
export function nodeArgv(code: string): string[] {
  return [process.execPath, '--input-type=module', '-e', code];
}

/** `import { names } from` a compiled module of the product, for the text of a child. */
export function importing(names: string, path: string): string {
  return `import { ${names} } from ${JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href)};\n`;
}

/** Runs a module's text in a process of its own, behind `before` (setpriv, unshare …). */
export async function runNode(code: string, before: readonly string[] = []): Promise<ExecResult> {
  return exec([...before, ...nodeArgv(code)]);
}

/** Starts a module's text in a process of its own. */
export function startNode(code: string, options: StartOptions = {}): LabProcess {
  return new LabProcess(nodeArgv(code), options);
}

/** Words that run a command in a mount namespace of its own, after shell lines that prepare it. */
export function inMountNamespace(prepare: string): string[] {
  const script = `set -e\n${prepare}\nexec "$@"`;
  return ['/usr/bin/unshare', '--mount', '--propagation', 'private', '/bin/sh', '-c', script, 'sh'];
}
