import assert from 'node:assert/strict';
import { it } from 'node:test';

import { COMMANDS, commandsThat, isCommand, takes } from '../../src/base/commands.js';

it('says of each command who may send it, and what it does', () => {
  assert.deepEqual(commandsThat('targets'), ['accept', 'drop', 'trust', 'untrust', 'flush']);
  assert.deepEqual(commandsThat('byDoors'), commandsThat('targets'), 'doors have what takes an address');
  assert.deepEqual(commandsThat('onLists'), [...commandsThat('targets'), 'list']);
  assert.deepEqual(commandsThat('inKernel'), ['accept', 'drop', 'flush']);
  for (const name of commandsThat('inKernel')) assert.ok(COMMANDS[name].byDoors, `${name} by a door`);
});

it('knows commands and their options, and nothing that only looks like one', () => {
  assert.ok(isCommand('accept') && !isCommand('acept') && !isCommand('toString') && !isCommand(''));
  assert.ok(takes('accept', 'service') && !takes('drop', 'service'));
  assert.ok(takes('drop', 'session') && !takes('accept', 'session'));
});
