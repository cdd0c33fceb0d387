import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import type { SettingProblem } from './messages.js';

/** Makes plain settings one of the plugin's class, or says what is wrong with them; never shows a value. */
export function readPluginSettings<S extends object>(rules: new () => S, plain: Record<string, unknown>): { settings: S } | { problems: SettingProblem[] } {
  const settings = plainToInstance(rules, plain, { exposeDefaultValues: true });
  // The value is only looked at to keep it out of the message.
  const problems = flatten(validateSync(settings, { forbidUnknownValues: false, whitelist: true, forbidNonWhitelisted: true, validationError: { target: false, value: true } }), '');
  return problems.length > 0 ? { problems } : { settings };
}

function flatten(errors: ValidationError[], path: string): SettingProblem[] {
  return errors.flatMap((error) => {
    const here = /^\d+$/.test(error.property) ? `${path}[${error.property}]` : `${path}.${error.property}`;
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({ path: here, says: saying(rule, message, error.value) }));
    return [...own, ...flatten(error.children ?? [], here)];
  });
}

function saying(rule: string, message: string, value: unknown): string {
  if (rule === 'whitelistValidation') return 'there is no such setting';
  const shown = typeof value === 'object' || value === undefined ? '' : String(value);
  return shown !== '' && message.includes(shown) ? `breaks the rule ${rule}` : message;
}
