import { counts, flagsFit, isStep, type DoorSpec, type Knock } from './doors.js';

interface Attempt {
  readonly source: string;
  readonly door: DoorSpec;
  /** Steps done; -1: a wrong packet came. */
  readonly stage: number;
}

/**
 * knockd's list of attempts, oldest first, as far as it takes to foresee its worst fault: when the *oldest* attempt
 * leaves the list (ended, complete or over), knockd forgets all others with it (its source, sniff(): "If lp is the only
 * element of the list" is asked as "is it the first"). It shows between sources that knock at once, and between doors
 * of one source that begin alike.
 */
export class AttemptList {
  readonly #doors: readonly DoorSpec[];
  #attempts: readonly Attempt[] = [];

  constructor(doors: readonly DoorSpec[]) {
    this.#doors = doors;
  }

  /** Takes a packet in; where the fault would show, it takes nothing and gives false: leave the packet out. */
  take(knock: Knock): boolean {
    const seen = this.#doors.some(
      (door) => counts(door, knock) && door.steps.some((step) => isStep(step, knock)),
    );
    if (!seen) return true;
    const underWay = this.#attempts.some((attempt) => isOf(attempt, knock));
    const after = underWay ? this.#advanced(knock) : this.#started(knock);
    const left = after.filter((attempt) => !isOver(attempt));
    const [oldest] = after;
    if (oldest !== undefined && isOver(oldest) && left.length > 0) return false;
    this.#attempts = left;
    return true;
  }

  /** After a pause that is longer than all windows. */
  pause(): void {
    this.#attempts = [];
  }

  /** Whose attempts are under way and to which destination, youngest first: in this order the fault never shows. */
  youngestFirst(): Pick<Knock, 'source' | 'toTarget'>[] {
    return this.#attempts.map(({ source, door }) => ({ source, toTarget: door.target })).reverse();
  }

  #started(knock: Knock): Attempt[] {
    const doors = this.#doors.filter((door) => counts(door, knock) && isStep(door.steps[0], knock));
    return [...this.#attempts, ...doors.map((door) => ({ source: knock.source, door, stage: 1 }))];
  }

  #advanced(knock: Knock): Attempt[] {
    return this.#attempts.map((attempt) => {
      const { source, door, stage } = attempt;
      if (!isOf(attempt, knock) || !flagsFit(door, knock)) return attempt;
      return { source, door, stage: isStep(door.steps[stage], knock) ? stage + 1 : -1 };
    });
  }
}

/** True where the attempt is the sender's, at a door for this destination; knockd looks at no other. */
function isOf({ source, door }: Attempt, knock: Knock): boolean {
  return source === knock.source && door.target === knock.toTarget;
}

function isOver({ door, stage }: Attempt): boolean {
  return stage < 0 || stage >= door.steps.length || door.windowS <= 0;
}
