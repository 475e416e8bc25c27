import { EXIT } from '../base/errors.js';
import type { OneTimeLine } from '../config/one-time.js';
import type { Config } from '../config/settings.js';
import type { Step } from '../knock/door.js';
import type { Happening, Reply, Request } from '../wire/control.js';
import type { ControlHandler } from './control-server.js';
import type { Journal } from './journal.js';
import { MEANING } from './machine.js';
import type { StatusReport } from '../wire/reports.js';
import { reportListener, reportServices } from './status.js';
import type { Supervisor } from './supervisor.js';
import { carryOut, isListRequest } from './verbs/table.js';

export interface ControlParts {
  readonly supervisor: Supervisor;
  readonly journal: Journal;
  /** Reads the configuration again; throws ConfigError. */
  readonly loadConfig: () => Config;
  /** Ends the service; resolves when nothing is left to do but to exit. */
  readonly stop: (keep: boolean) => Promise<string[]>;
}

/** Answers the requests that come in by the control socket: they come from root. */
export class Control implements ControlHandler {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  async answer(request: Request): Promise<Reply> {
    const { supervisor, journal } = this.#parts;
    if (isListRequest(request)) {
      return carryOut(supervisor.world.verbs, request, { kind: 'admin', label: 'cli' });
    }
    switch (request.verb) {
      case 'status':
        return { exitCode: EXIT.ok, remarks: [], data: await this.#status() };
      case 'events':
        return { exitCode: EXIT.ok, remarks: [], data: journal.events };
      case 'reload':
        return this.reload();
      case 'stop': {
        const left = await this.#parts.stop(request.keep === true);
        return {
          exitCode: EXIT.ok,
          remarks: [
            { level: 'result', text: 'stopped' },
            ...left.map((text) => ({ level: 'note' as const, text })),
          ],
          data: { verb: 'stop', left },
        };
      }
    }
  }

  follow(show: (event: Happening) => void): Disposable {
    return this.#parts.journal.follow(show);
  }

  /** Goes over to the configuration as it is on disk now; refuses a bad one whole. */
  async reload(): Promise<Reply> {
    const config = this.#parts.loadConfig();
    const needRestart = restartNeeded(this.#parts.supervisor.world.config, config);
    if (needRestart.length > 0) {
      const text = `a reload cannot change ${needRestart.join(', ')}`;
      return {
        exitCode: EXIT.refused,
        remarks: [{ level: 'error', text, hint: 'nothing was changed; knockctl restart' }],
      };
    }
    await this.#parts.supervisor.reload(config);
    return { exitCode: EXIT.ok, remarks: [{ level: 'result', text: 'reloaded' }], data: { verb: 'reload' } };
  }

  async #status(): Promise<StatusReport> {
    const { supervisor } = this.#parts;
    const { firewall, config } = supervisor.world;
    const { state, since, reason } = supervisor.state;
    const { guard } = supervisor;
    return {
      state,
      meaning: MEANING[state],
      since: since.toISOString(),
      reason,
      pid: process.pid,
      backend:
        firewall.services.length === 0 ? null : `${firewall.backend.name} (${firewall.backend.reason})`,
      listener: reportListener(supervisor.listener),
      repairs: {
        count: guard.repairs,
        last: guard.lastRepair?.text ?? null,
        time: guard.lastRepair?.time.toISOString() ?? null,
      },
      services: await reportServices(firewall),
      doors: config.doors.map(({ door, oneTime }) => {
        const left = oneTime && supervisor.lasting.oneTime.left(oneTime.path);
        return { name: door.name, sequence: describeSequence(door.sequence, left) };
      }),
      pendingStops: supervisor.lasting.stops.count,
      entriesKept: supervisor.lasting.entries.report,
      nextHealthCheck: supervisor.nextCheck?.toISOString() ?? null,
      configuration: config.file ?? null,
    };
  }
}

/** `7000:tcp,8000:udp`; of a one-time door the current sequence, and how many there are. */
function describeSequence(sequence: readonly Step[], left: readonly OneTimeLine[] | undefined): string {
  const [current] = left ?? [];
  const steps = current?.sequence ?? (left === undefined ? sequence : []);
  const text = steps.map(({ port, protocol }) => `${port}:${protocol}`).join(',');
  if (left === undefined) return text;
  return current === undefined ? 'no one-time sequence left' : `${text} (one-time, ${left.length} left)`;
}

/** What only a restart can change: folders, back end, families, and where the log goes. */
function restartNeeded(old: Config, fresh: Config): string[] {
  const parts: readonly [string, (config: Config) => unknown][] = [
    ['[paths]', ({ settings: { paths } }) => [paths.run, paths.state, paths.pidFile]],
    [
      '[firewall] backend and families',
      ({ settings: { firewall } }) => [firewall.backend, firewall.families],
    ],
    ['[log]', ({ settings: { log } }) => log],
    [
      '[failsafe] listener_timeout and max_restarts',
      ({ settings: { failsafe } }) => [failsafe.listenerTimeoutMs, failsafe.maxRestarts],
    ],
  ];
  return parts
    .filter(([, part]) => JSON.stringify(part(old)) !== JSON.stringify(part(fresh)))
    .map(([name]) => name);
}
