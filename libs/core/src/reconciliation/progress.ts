import type { RepairFate } from '../ports/runs.js';
import { phases, type Checkpoint, type Phase } from './checkpoint.js';
import { shareRead } from './stretches.js';

/** What a run does in each phase, as it goes after "while". */
export const phaseSays: Record<Phase, string> = {
  passes: 'reading passes',
  absences: 'looking for passes that are gone',
  deciding: 'deciding about what it found',
  profiles: 'reading profiles',
  again: 'looking again at what was too fresh',
  missing: 'looking for missing profiles',
  events: 'reading events back',
  repairs: 'waiting for its repairs',
  done: 'finishing',
};

/** How far a run is, to be drawn. */
export interface Progress {
  phase: Phase;
  says: string;
  /** The phase, from 1, and how many there are. */
  step: number;
  steps: number;
  /** What the phase has dealt with so far: passes, profiles, persons, events or repairs. */
  done: number;
  /** How much of the phase is behind it, from 0 to 1, where that is known. */
  share?: number;
}

/** `fates`: of its repairs, while it waits for them. */
export function progressOf(checkpoint: Checkpoint, fates: readonly RepairFate[]): Progress {
  const { phase } = checkpoint;
  const share = shareOf(checkpoint, fates);
  return { phase, says: phaseSays[phase], step: phases.indexOf(phase) + 1, steps: phases.length, done: doneOf(checkpoint, fates), ...(share === undefined ? {} : { share }) };
}

function doneOf({ phase, passes, profiles, persons, events }: Checkpoint, fates: readonly RepairFate[]): number {
  switch (phase) {
    case 'passes':
      return passes.read;
    case 'profiles':
      return profiles.read;
    case 'absences':
    case 'missing':
      return persons.read;
    case 'events':
      return events.read;
    default:
      return answered(fates);
  }
}

function shareOf({ phase, passes, profiles }: Checkpoint, fates: readonly RepairFate[]): number | undefined {
  if (phase === 'passes') return part(passes.read, passes.total);
  // Klaviyo tells no total; how much of the time is read in which profiles were created comes near it.
  if (phase === 'profiles') return profiles.stretches.length === 0 ? undefined : shareRead(profiles.stretches);
  if (phase === 'repairs') return part(answered(fates), answered(fates) + sum(fates.map(({ open }) => open)));
  return phase === 'done' ? 1 : undefined;
}

function part(done: number, of: number | undefined): number | undefined {
  return of ? Math.max(0, Math.min(1, done / of)) : undefined;
}

const answered = (fates: readonly RepairFate[]) => sum(fates.map(({ repaired, refused }) => repaired + refused));
const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
