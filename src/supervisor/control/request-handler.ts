import { EXIT } from '../../base/errors.js';
import type { OneTimeLine } from '../../config/knockd/one-time.js';
import type { Config } from '../../config/settings.js';
import type { Step } from '../../knock/door.js';
import type { EventRecord, Reply, Request } from '../../wire/control.js';
import { ConfigChanges } from './config-changes.js';
import type { ControlHandler } from './control-server.js';
import type { Journal } from '../../runtime/journal/journal.js';
import type { DoorReport, StatusReport } from '../../wire/reports.js';
import { namedState, reportExposures } from './protection-report.js';
import { reportListener } from './status-report.js';
import { inTime, reportServices } from '../../runtime/service-report.js';
import { recognisedNow } from '../../runtime/doors/kernel-recognition.js';
import type { Supervisor } from '../lifecycle/supervisor.js';
import { dispatch, isListRequest } from '../../runtime/access/dispatch.js';

interface RequestHandlerParts {
  readonly supervisor: Supervisor;
  readonly journal: Journal;
  /** Reads the configuration again; throws ConfigError. */
  readonly loadConfig: () => Config;
  /** Ends the service; resolves when nothing is left to do but to exit. */
  readonly stop: (keep: boolean) => Promise<string[]>;
}

/** Answers the requests that come in by the control socket: they come from root. */
export class RequestHandler implements ControlHandler {
  readonly #parts: RequestHandlerParts;
  #looking: Promise<StatusReport> | undefined;
  #nextLook: Promise<StatusReport> | undefined;
  readonly changes: ConfigChanges;

  constructor(parts: RequestHandlerParts) {
    this.#parts = parts;
    this.changes = new ConfigChanges(parts);
  }

  async answer(request: Request): Promise<Reply> {
    const { supervisor, journal } = this.#parts;
    if (isListRequest(request)) {
      return dispatch(supervisor.active.current.verbs, request, { kind: 'admin', label: 'cli' });
    }
    switch (request.verb) {
      case 'status':
        return { exitCode: EXIT.ok, remarks: [], data: await this.#sharedStatus() };
      case 'events':
        return { exitCode: EXIT.ok, remarks: [], data: journal.events };
      case 'reload':
        return this.changes.reload(request);
      case 'confirm':
        return this.changes.confirm();
      case 'stop': {
        // Who takes over would begin with the rules of before the trial, and say so too late.
        if (request.keep === true) supervisor.trials.refuseWhileOn();
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

  follow(show: (event: EventRecord) => void): Disposable {
    return this.#parts.journal.follow(show);
  }

  /**
   * Those who ask while a look is going on share the next one: each takes several processes. Not the one that is going
   * on: who asks wants to see what is true from then on.
   */
  async #sharedStatus(): Promise<StatusReport> {
    const before: Promise<unknown> = this.#looking?.catch(() => undefined) ?? Promise.resolve();
    this.#nextLook ??= before.then(async () => {
      this.#nextLook = undefined;
      this.#looking = this.#status();
      return this.#looking;
    });
    return this.#nextLook;
  }

  async #status(): Promise<StatusReport> {
    const { supervisor } = this.#parts;
    const { firewall, config } = supervisor.active.current;
    const { state, since, reason } = supervisor.state;
    const { reconciler: guard } = supervisor;
    const elsewhere = inTime(supervisor.exposures.checkOtherTables(true), () => {
      firewall.otherTablesLate();
    });
    const trialInfo = supervisor.trials.info().catch(() => undefined); // ipset that does not answer is told with the services
    const [services, trial] = await Promise.all([
      reportServices(firewall),
      inTime(trialInfo, () => undefined),
      elsewhere,
    ]);
    const exposures = reportExposures(firewall, services, state);
    supervisor.exposures.check();
    return {
      ...namedState(state, { onTrial: trial !== undefined, services, exposures, held: supervisor.held }),
      exposures,
      lacking: firewall.readableNotes,
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
      services,
      doors: this.#doors(),
      pendingStops: supervisor.persistent.stops.count,
      entriesKept: supervisor.persistent.entries.report,
      nextHealthCheck: supervisor.nextCheck?.toISOString() ?? null,
      configuration: config.file ?? null,
      trial: trial === undefined ? null : { left: trial.left, until: trial.until.toISOString() },
      unconfirmed: supervisor.trials.unconfirmed,
      leftOut: config.leftOut,
    };
  }

  #doors(): DoorReport[] {
    const { persistent, active } = this.#parts.supervisor;
    const generation = active.current;
    const places = recognisedNow(generation);
    const { knocks } = generation.firewall;
    return generation.config.doors.map(({ door, oneTime }, index) => {
      const left = oneTime && persistent.oneTime.left(oneTime.path);
      const { kernel = [], reasons = [] } = places[index] ?? {};
      const { name, sequence } = door;
      const count = knocks.get(name) ?? 0;
      return { name, sequence: describeSequence(sequence, left), kernel, reasons, knocks: count };
    });
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
