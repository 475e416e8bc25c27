import { EXIT } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import { systemExec } from '../../system/exec.js';
import { readIfExists, removeFile, replaceFile } from '../../system/files.js';
import { readStartOutcome, type StartOutcome } from '../../wire/start/start-outcome.js';
import { UNIT } from '../../system/service-manager.js';
import { requireTool } from '../../system/tools.js';
import type { StartRequest } from '../../wire/start/start-request.js';

/** systemd itself gives up before this (TimeoutStartSec). */
const START_MS = 180_000;

/** Has systemd start the supervisor, so that it belongs to its unit, and waits until it tells how the start went. */
export async function startUnit(
  { wish: wishPath, outcome }: RunPaths,
  wish: StartRequest,
): Promise<StartOutcome> {
  removeFile(outcome);
  replaceFile(wishPath, JSON.stringify(wish));
  try {
    const start = [requireTool('systemctl'), 'start', UNIT] as const;
    const { exitCode, stderr } = await systemExec(start, { timeoutMs: START_MS });
    const told = readStartOutcome(readIfExists(outcome) ?? '');
    if (told !== undefined) return told;
    // To systemd a unit that is there already is a success.
    if (exitCode === 0)
      return {
        exitCode: EXIT.refused,
        text: 'knockctl is running already',
        keepsRunning: false,
        another: true,
      };
    return {
      exitCode: EXIT.firewall,
      text: `systemd could not start it${stderr === '' ? '' : `: ${stderr.trim()}`}`,
      hint: `journalctl -u ${UNIT} -e tells why`,
      keepsRunning: false,
    };
  } finally {
    for (const path of [wishPath, outcome]) removeFile(path);
  }
}
