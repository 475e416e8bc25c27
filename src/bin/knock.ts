#!/usr/bin/env node
import { run } from '../client/main.js';
import { systemIo } from '../client/system.js';

void run(process.argv.slice(2), systemIo).then((code) => {
  process.exitCode = code;
});
