#!/usr/bin/env node
import { run } from '../client/main.js';
import { systemIo } from '../client/system.js';

process.exitCode = await run(process.argv.slice(2), systemIo);
