import { errorText } from '../base/errors.js';
import { program } from '../system/install-paths.js';
import type { Probe } from '../doctor/facts/facts.js';
import { systemExec } from '../system/exec.js';

/** Whether the capture hears, as a process of its own finds out. */
export async function probe(): Promise<Probe> {
  try {
    const { stdout, stderr } = await systemExec([process.execPath, program('probe')], { timeoutMs: 10_000 });
    return parse(stdout) ?? { heard: false, why: oneLine(stderr) };
  } catch (error) {
    return { heard: false, why: oneLine(errorText(error)) };
  }
}

function parse(text: string): Probe | undefined {
  if (text === '') return undefined;
  const { heard, afterMs, why, isModule } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  if (heard === true && typeof afterMs === 'number') return { heard, afterMs };
  return { heard: false, why: String(why), isModule: isModule === true };
}

/** Of a stack trace, the line that says what it was. */
function oneLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.find((line) => /Error|Assertion|cannot/.test(line)) ?? lines[0] ?? 'it ended without a word';
}
