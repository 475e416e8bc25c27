/**
 * A name server on 127.0.0.1: `node name-server.js '["host","test"]'` answers every question with a name of these
 * labels, whatever bytes (as Latin-1) they hold; `node name-server.js null` answers nothing. Prints each question.
 */
import { createSocket } from 'node:dgram';

const labels: unknown = JSON.parse(process.argv[2] ?? 'null');
const HEADER = 12;
const socket = createSocket('udp4');

/** The name that a question asks for, and where the question ends. */
function question(message: Buffer): { readonly name: string; readonly end: number } {
  const words: string[] = [];
  let at = HEADER;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    words.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: words.join('.'), end: at + 5 };
}

/** RFC 1035: the header with one answer, the question, and a PTR record for a minute. */
function answer(query: Buffer, end: number, words: readonly string[]): Buffer {
  const name = words.map((word) => Buffer.from(`${String.fromCharCode(word.length)}${word}`, 'latin1'));
  const data = Buffer.concat([...name, Buffer.of(0)]);
  const header = Buffer.of(...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0);
  const record = Buffer.of(0xc0, HEADER, 0, 12, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 255);
  return Buffer.concat([header, query.subarray(HEADER, end), record, data]);
}

socket.on('message', (query, from) => {
  const { name, end } = question(query);
  process.stdout.write(`${name}\n`);
  if (Array.isArray(labels)) socket.send(answer(query, end, labels.map(String)), from.port, from.address);
});
socket.bind(53, '127.0.0.1', () => {
  process.stdout.write('listening\n');
});
