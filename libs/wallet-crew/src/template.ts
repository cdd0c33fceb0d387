/**
 * A request body from its template: `{name}` stands for a value. A text that is nothing but one name becomes that value, whatever its
 * kind; what nothing fills is left out, and so is a branch of which nothing is left.
 */
export function filled(template: unknown, valueOf: (name: string) => unknown): unknown {
  if (typeof template === 'string') return filledText(template, valueOf);
  if (Array.isArray(template)) return template.map((part) => filled(part, valueOf)).filter((part) => part !== undefined);
  if (typeof template !== 'object' || template === null) return template;
  const parts = Object.entries(template);
  const left = parts.map(([name, part]) => [name, filled(part, valueOf)] as const).filter(([, part]) => part !== undefined);
  return left.length === 0 && parts.length > 0 ? undefined : Object.fromEntries(left);
}

function filledText(template: string, valueOf: (name: string) => unknown): unknown {
  const [, only] = /^\{([^{}]+)\}$/.exec(template) ?? [];
  if (only !== undefined) return valueOf(only);
  let isWhole = true;
  const text = template.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => {
    const value = valueOf(name);
    if (typeof value !== 'string') isWhole = false;
    return String(value);
  });
  return isWhole ? text : undefined;
}
