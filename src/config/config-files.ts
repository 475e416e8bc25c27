import { errorText, type ConfigFault } from '../base/errors.js';
import { UntrustedFile, type Weakness } from '../system/strict-file.js';

import type { ReadText } from './load-options.js';
import type { LoadState } from './load-options.js';
import type { LeftOut, Source } from './settings.js';

/** What the check of all files gathers. */
export interface Findings {
  readonly faults: ConfigFault[];
  readonly warnings: ConfigFault[];
  readonly leftOut: LeftOut[];
}

/** What came of reading a file: its text, undefined where it does not exist; nothing of it can be used, which is noted. */
export type FileRead = { readonly text: string | undefined } | 'fault' | 'left-out';

/** Reads the files of a configuration, notes what cannot be used of them, and remembers what those held that are part of it. */
export class ConfigFiles {
  readonly #readText: ReadText;
  readonly #state: LoadState;
  readonly #findings: Findings;
  readonly #sources = new Map<string, Source>();

  constructor(readText: ReadText, state: LoadState, findings: Findings) {
    this.#readText = readText;
    this.#state = state;
    this.#findings = findings;
  }

  /** The files that were read and are part of the configuration. */
  get sources(): readonly Source[] {
    return [...this.#sources.values()];
  }

  /** Reads a file of the configuration; `without` says what is lost where it is left out. */
  read(path: string, without: string): FileRead {
    const read = this.readAside(path, without);
    if (typeof read === 'object') this.#sources.set(path, { path, text: read.text ?? null });
    return read;
  }

  /** Reads one that is no part of it. */
  readAside(path: string, without: string): FileRead {
    const read = this.tryRead(path, without);
    if (typeof read !== 'object' || !('reason' in read)) return read;
    this.#findings.faults.push({ file: path, line: 0, message: read.reason });
    return 'fault';
  }

  /** The same; why it cannot be read is for the caller to tell. */
  tryRead(path: string, without: string): FileRead | { readonly reason: string } {
    try {
      return { text: this.#readText(path) };
    } catch (error) {
      if (error instanceof UntrustedFile) return this.#untrusted(path, error, without);
      return { reason: `cannot be read: ${errorText(error)}` };
    }
  }

  /** The text of knockctl.conf: one that cannot be trusted is read all the same, and told; `isTrusted`: it can be. */
  readMain(
    path: string,
    without: string,
  ): { readonly text: string | undefined; readonly isTrusted: boolean } {
    const read = this.read(path, without);
    const source = this.#sources.get(path);
    const text = typeof read === 'object' ? read.text : (source?.text ?? undefined);
    return { text, isTrusted: source?.weakness === undefined };
  }

  /** Folders that hold what is believed, though it is no file of the configuration. */
  lookAbove(path: string, without: string): void {
    const weakness = this.#state.files?.weakFolders(path);
    if (weakness !== undefined) this.#weak(path, weakness, without);
  }

  /** Warns of a file that holds sequences, if others can read them. */
  warnIfReadable(path: string): void {
    if (this.#state.files?.isReadableByOthers(path) !== true) return;
    const message = `other users can read the sequences in it: chmod go-r ${path}`;
    this.#findings.warnings.push({ file: path, line: 0, message });
  }

  #untrusted(path: string, { weakness, content }: UntrustedFile, without: string): FileRead {
    this.#sources.set(path, { path, text: content, weakness });
    return this.#weak(path, weakness, without);
  }

  #weak(path: string, { text, fix }: Weakness, without: string): 'fault' | 'left-out' {
    if (this.#state.leavesOut === true) {
      this.#findings.leftOut.push({ text: `${path} cannot be trusted: ${text}; ${without}`, fix });
      return 'left-out';
    }
    this.#findings.faults.push({ file: path, line: 0, message: `cannot be trusted: ${text}; ${fix}` });
    return 'fault';
  }
}
