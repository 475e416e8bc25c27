#!/usr/bin/env node
import { plainCommand } from '../ctl/cli/fast-path.js';
import { isErrno } from '../system/files.js';
import { makeContext } from './context.js';
import { report } from './report.js';

async function knock(words: readonly string[]): Promise<number> {
  const { run } = await import('../client/main.js');
  const { systemIo } = await import('../client/system.js');
  return run(words, systemIo);
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'knock') return knock(argv.slice(1));
  const plain = process.getuid?.() === 0 ? plainCommand(argv) : undefined;
  if (plain === undefined) {
    const { commandLine } = await import('./command-line.js');
    return commandLine(argv);
  }
  try {
    const { perform } = await import('../ctl/cli/verbs.js');
    const context = makeContext({ ...(plain.config === undefined ? {} : { config: plain.config }) });
    return await perform(context, plain.request(context.session));
  } catch (error) {
    return report(error, false);
  }
}

// Whoever reads no further (head) has seen enough.
process.stdout.on('error', (error) => {
  if (!isErrno(error, 'EPIPE')) throw error;
  process.exit();
});
void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
