import { validateSync, type ValidationError } from 'class-validator';

/** What is wrong with settings, by path and without any value. A misspelt name is a problem too: silently ignored it would be believed. */
export function problemsOf(instance: object, path: string, given: string[], known: string[]): string[] {
  const at = (name: string) => (path ? `${path}.${name}` : name);
  const unknown = given.filter((name) => !known.includes(name)).map((name) => `${at(name)}: there is no such setting`);
  return [...unknown, ...flatten(validateSync(instance, { forbidUnknownValues: false, whitelist: true, forbidNonWhitelisted: true, validationError: { target: false, value: false } }), path)];
}

function flatten(errors: ValidationError[], path: string): string[] {
  return errors.flatMap((error) => {
    const isItem = /^\d+$/.test(error.property);
    const here = isItem ? `${path}[${error.property}]` : path ? `${path}.${error.property}` : error.property;
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => `${here}: ${rule === 'whitelistValidation' ? 'there is no such setting' : message}`);
    return [...own, ...flatten(error.children ?? [], here)];
  });
}
