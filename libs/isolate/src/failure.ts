import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What failed and where, without the error's message: it may repeat personal data. */
export function failureOf(error: unknown, folder: string): string {
  const name = error instanceof Error && /^\w{1,60}$/.test(error.name) ? error.name : 'something that is no Error';
  const place = error instanceof Error ? placeIn(String(error.stack), folder) : undefined;
  return place ? `It threw ${name} at ${place}.` : `It threw ${name}.`;
}

function placeIn(stack: string, folder: string): string | undefined {
  for (const line of stack.split('\n')) {
    const [, path, at] = /^ {4}at (?:.* \()?((?:file:\/\/)?[^()]+):(\d+):\d+\)?$/.exec(line) ?? [];
    if (!path) continue;
    const file = path.startsWith('file://') ? fileURLToPath(path) : path;
    if (file.startsWith(folder + sep)) return `${relative(folder, file)}:${at}`;
  }
  return undefined;
}
