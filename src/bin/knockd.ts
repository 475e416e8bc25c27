#!/usr/bin/env node
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { terminalText } from '../base/printable.js';
import { runFront } from '../ctl/knockd/knockd-front.js';
import { mayCapture } from '../system/privileges.js';
import { load } from './load.js';

void runFront(process.argv.slice(2), {
  output: {
    json: false,
    colour: false,
    out: (text) => {
      process.stdout.write(terminalText(text, false));
    },
    err: (text) => {
      process.stderr.write(terminalText(text, false));
    },
  },
  load: (options) => load(options, 'lenient'),
  isRoot: process.getuid?.() === 0,
  mayCapture: mayCapture(),
  ownFolder: join(process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), `knockd-${process.getuid?.() ?? 0}`),
  supervise: async (options, console) => {
    const { supervise } = await import('./supervise.js');
    return supervise(options, console);
  },
}).then((code) => {
  process.exitCode = code;
});
