import { type AddressWords, addressWords, type Packet, sameAddress } from './packet.js';
import type { Door, Protocol } from './door.js';

/** What a packet must look like to count at a door. */
interface Admission {
  readonly mask: number;
  readonly value: number;
  /** The only destination that counts; undefined: the host's own addresses. */
  readonly target: AddressWords | undefined;
}

/** A door in the form in which packets are compared with it. */
export interface PlannedDoor extends Admission {
  readonly door: Door;
  /** Its place among the doors of the plan. */
  readonly index: number;
  /** The step keys of the sequence. */
  readonly keys: readonly number[];
}

/** What one protocol and port means to all doors. */
export interface PortPlan {
  /** Of the doors that have the port anywhere, each different admission once. */
  readonly admissions: readonly Admission[];
  /** The doors that begin with it, in their order. */
  readonly starts: readonly PlannedDoor[];
}

/** All doors, and what each port means to them. */
export interface Plan {
  readonly doors: readonly PlannedDoor[];
  readonly ports: ReadonlyMap<number, PortPlan>;
}

/** Protocol and port as one number. */
export function stepKey(protocol: Protocol, port: number): number {
  return protocol === 'udp' ? port + 0x10000 : port;
}

/** Prepares the doors. */
export function planDoors(doors: readonly Door[]): Plan {
  const planned = doors.map((door, index): PlannedDoor => ({
    door,
    index,
    keys: door.sequence.map((step) => stepKey(step.protocol, step.port)),
    mask: door.flags.mask,
    value: door.flags.value,
    target: door.target === undefined ? undefined : addressWords(door.target),
  }));
  const ports = new Map<number, { admissions: Map<string, Admission>; starts: PlannedDoor[] }>();
  for (const door of planned) {
    const name = `${door.mask} ${door.value} ${door.door.target?.text ?? ''}`;
    for (const [step, key] of door.keys.entries()) {
      const port = ports.get(key) ?? { admissions: new Map<string, Admission>(), starts: [] };
      ports.set(key, port);
      port.admissions.set(name, door);
      if (step === 0) port.starts.push(door);
    }
  }
  const finished = [...ports].map(([key, { admissions, starts }]): [number, PortPlan] => [
    key,
    { admissions: [...admissions.values()], starts },
  ]);
  return { doors: planned, ports: new Map(finished) };
}

/** True where the packet's flags are such as the door asks for; UDP has none, and always fits. */
export function flagsFit(door: Admission, packet: Packet): boolean {
  return packet.protocol === 'udp' || (packet.flags & door.mask) === door.value;
}

/** True where the packet's destination counts; `toOwn`: it is one of the host's own addresses. */
export function destinationFits(door: Admission, packet: Packet, toOwn: boolean): boolean {
  return door.target === undefined ? toOwn : sameAddress(door.target, packet.destination);
}

/** True where the two are recognised alike: same id, sequence, flags, window and target. */
export function sameRecognition(a: PlannedDoor, b: PlannedDoor): boolean {
  return (
    a.door.id === b.door.id &&
    a.door.windowMs === b.door.windowMs &&
    a.door.cooldownMs === b.door.cooldownMs &&
    a.mask === b.mask &&
    a.value === b.value &&
    a.door.target?.text === b.door.target?.text &&
    a.keys.length === b.keys.length &&
    a.keys.every((key, step) => key === b.keys[step])
  );
}
