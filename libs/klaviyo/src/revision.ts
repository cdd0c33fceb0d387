/** The API revision every request pins. klaviyo-api 23.0.0 and the OpenAPI files the contract tests use are of this revision. */
export const revision = '2026-07-15';

const day = 86_400_000;

/** Klaviyo serves a revision for one year as stable and one more as deprecated; then it answers 410 (Klaviyo: API versioning policy). */
export function retirementOf(pinned: string): number {
  const released = new Date(`${pinned.slice(0, 10)}T00:00:00Z`);
  released.setUTCFullYear(released.getUTCFullYear() + 2);
  return released.getTime();
}

/** Whole days until the pinned revision is retired; negative afterwards. */
export function daysUntilRetirement(now: number, pinned: string = revision): number {
  return Math.floor((retirementOf(pinned) - now) / day);
}

/** An upgrade takes planning: a test turns red this many days before the revision retires. */
export const retirementWarningDays = 90;
