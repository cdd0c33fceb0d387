import { IsBoolean, IsInt, IsString, Max, Min, registerDecorator } from 'class-validator';
import { validateCronExpression } from 'cron';
import type { ReconcileRules } from '#core';

/** When and how both sides of a tenant are compared (docs/reconciliation.md). */
export class ReconciliationSettings {
  /** When it runs, as a cron expression of five or six fields; `off`: only when somebody starts it. */
  @IsString()
  @Checked((value) => value === 'off' || (typeof value === 'string' && validateCronExpression(value).valid), 'must be a cron expression, or off')
  cron: string = '15 3 * * *';

  /** The time zone of `cron`, for example `Europe/Paris`. */
  @IsString()
  @Checked(isTimeZone, 'must be a time zone such as Europe/Paris')
  timeZone: string = 'UTC';

  /** What changed within so many seconds before a run is looked at once more at its end: its webhook may still be under way. */
  @IsInt()
  @Min(0)
  @Max(3600)
  graceSeconds: number = 60;

  /** True: every profile of the Klaviyo account gets the explicit status, so that "not installed" finds people who never had a pass. False: only people we know from The Wallet Crew. */
  @IsBoolean()
  everyProfile: boolean = true;
}

export function reconcileRulesOf(settings: ReconciliationSettings = new ReconciliationSettings()): ReconcileRules {
  return { graceMs: settings.graceSeconds * 1_000, strangers: settings.everyProfile };
}

function Checked(validate: (value: unknown) => boolean, message: string): PropertyDecorator {
  return (target, name) => registerDecorator({ name: 'checked', target: target.constructor, propertyName: String(name), validator: { validate, defaultMessage: () => `$property ${message}` } });
}

function isTimeZone(value: unknown): boolean {
  try {
    return typeof value === 'string' && Boolean(new Intl.DateTimeFormat('en', { timeZone: value }));
  } catch {
    return false;
  }
}
