import { errorText } from '../base/errors.js';
import { ok, refuse, type Result } from '../base/result.js';

/** What a file of ~/.config/knock says: options and operands of `knock`, and the command behind `--then`. */
interface Profile {
  readonly options: readonly string[];
  readonly host: string;
  readonly ports: readonly string[];
  readonly command: readonly string[] | undefined;
}

/** A name of such a file: no path, no option. */
const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;
/** More is no file of ours. */
const MAX_TEXT = 16_384;
const YES = ['yes', 'true', 'on'];
const NO = ['no', 'false', 'off'];
const FAMILY: Readonly<Record<string, readonly string[]>> = {
  4: ['-4'],
  6: ['-6'],
  both: ['--both'],
  any: [],
};

/** True for a word that can be the name of a profile. */
export function isProfileName(word: string): boolean {
  return NAME.test(word);
}

/** The profile of that name in a folder; `absent` where there is no such file. */
export function readProfile(
  folder: string,
  name: string,
  read: (file: string) => string,
): Result<Profile> | 'absent' {
  const file = `${folder}/${name}`;
  try {
    const text = read(file);
    if (text.length > MAX_TEXT)
      return refuse(`${file} is longer than ${MAX_TEXT} characters: that is no profile`);
    return parseProfile(text, file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return 'absent';
    }
    return refuse(`${file} cannot be read: ${errorText(error)}`);
  }
}

/** Lines `key = value`; a line that begins with # is a comment. */
export function parseProfile(text: string, file: string): Result<Profile> {
  const values = new Map<string, string>();
  const options: string[] = [];
  let command: readonly string[] | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const at = `${file}:${index + 1}:`;
    const [, key = '', value = ''] = /^(\w+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key === '') return refuse(`${at} a line is key = value, as in: host = gate.example.org`);
    if (values.has(key)) return refuse(`${at} ${key} stands twice`);
    if (value === '') return refuse(`${at} ${key} has no value`);
    values.set(key, value);
    if (key === 'host' || key === 'ports') continue;
    if (key === 'then') {
      const words = splitWords(value);
      if (words === undefined) return refuse(`${at} a quotation mark is not closed`);
      command = words;
      continue;
    }
    const option = optionOf(key, value);
    if (!option.ok) return refuse(`${at} ${option.reason}`);
    options.push(...option.value);
  }
  const [host, ports] = [values.get('host'), values.get('ports')];
  if (host === undefined) return refuse(`${file}: the host is missing: host = gate.example.org`);
  if (ports === undefined) return refuse(`${file}: the ports are missing: ports = 7000 8000:udp 9000`);
  return ok({ options, host, ports: ports.split(/[\s,]+/).filter((word) => word !== ''), command });
}

function optionOf(key: string, value: string): Result<readonly string[]> {
  if (key === 'delay' || key === 'repeat') return ok([`--${key}=${value}`]);
  if (key === 'interface') return ok([`--interface=${value}`]);
  if (key === 'family') {
    const flags = FAMILY[value];
    return flags === undefined ? refuse(`family '${value}' is not 4, 6, both or any`) : ok(flags);
  }
  if (key === 'udp' || key === 'verbose') {
    if (YES.includes(value)) return ok([`--${key}`]);
    return NO.includes(value) ? ok([]) : refuse(`${key} '${value}' is not yes or no`);
  }
  return refuse(
    `unknown key ${key}; known: host, ports, delay, repeat, udp, family, interface, verbose, then`,
  );
}

/** Words between blanks; what stands in '…' or "…" is one. Undefined where a mark is not closed. */
function splitWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  const rest = text.replaceAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g, (word) => {
    words.push(
      word.replaceAll(
        /'([^']*)'|"([^"]*)"/g,
        (_all, single?: string, double?: string) => single ?? double ?? '',
      ),
    );
    return '';
  });
  return rest.trim() === '' ? words : undefined;
}
