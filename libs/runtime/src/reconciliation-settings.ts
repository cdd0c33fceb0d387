import { IsBoolean, IsInt, IsString, Max, Min, registerDecorator } from 'class-validator';
import { validateCronExpression } from 'cron';
import type { ReconcileRules } from '#core';
import { accountOf } from '#klaviyo';
import type { Settings } from './settings.js';

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

  /** True: every profile of the Klaviyo account gets the explicit status, so that "not installed" finds people who never had a pass. False, or where another tenant has the same `klaviyo.apiKey`: only people we know from The Wallet Crew. */
  @IsBoolean()
  everyProfile: boolean = true;
}

/** Who is a stranger to one tenant may be a customer of another one with the same Klaviyo account: there nobody's strangers are written to. */
export function reconcileRulesOf({ tenants }: Pick<Settings, 'tenants'>, tenant: string): ReconcileRules {
  const { klaviyo, reconciliation: { graceSeconds, everyProfile } = new ReconciliationSettings() } = tenants.get(tenant)!;
  const isShared = [...tenants].some(([other, settings]) => other !== tenant && accountOf(settings.klaviyo) === accountOf(klaviyo));
  return { graceMs: graceSeconds * 1_000, strangers: everyProfile && !isShared };
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
