/** A path such as `/api/lists/{id}/profiles`, matched segment by segment. */
export interface Route<T> {
  method: string;
  path: string;
  target: T;
}

export interface Match<T> {
  target: T;
  parameters: Record<string, string>;
}

/** Routes by method and path. A literal segment wins over a parameter because routes are tried in the order given. */
export class Router<T> {
  private readonly routes: { method: string; segments: string[]; target: T }[];

  constructor(routes: readonly Route<T>[]) {
    this.routes = routes.map(({ method, path, target }) => ({ method, segments: path.split('/'), target }));
  }

  match(method: string, path: string): Match<T> | undefined {
    const segments = path.split('/');
    for (const route of this.routes) {
      if (route.method !== method) continue;
      const parameters = parametersOf(route.segments, segments);
      if (parameters) return { target: route.target, parameters };
    }
    return undefined;
  }

  /** Whether the path exists under another method: 405 instead of 404. */
  knows(path: string): boolean {
    const segments = path.split('/');
    return this.routes.some((route) => parametersOf(route.segments, segments) !== undefined);
  }
}

function parametersOf(pattern: string[], segments: string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const actual = segments[index]!;
    if (expected.startsWith('{')) parameters[expected.slice(1, -1)] = decode(actual);
    else if (expected !== actual) return undefined;
  }
  return parameters;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
