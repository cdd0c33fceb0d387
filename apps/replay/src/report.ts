import { things } from '#core';
import type { CommandCount, Difference, Differences } from './differences.js';

export interface Report {
  tenant: string;
  deliveries: number;
  commands: CommandCount[];
  differences: Difference[];
}

export function reportOf(tenant: string, { deliveries, commands, all }: Differences): Report {
  return { tenant, deliveries, commands, differences: all };
}

/** `diff`: also what differs. */
export function textOf({ tenant, deliveries, commands, differences }: Report, name: string, diff: boolean): string {
  const head = `\n${tenant}: ${things(deliveries, 'delivery', 'deliveries')}\n`;
  if (deliveries === 0) return head;
  const counts = table([['command', 'now', `with ${name}`, 'added', 'removed', 'changed'], ...commands.map(({ kind, before, after, added, removed, changed }) => [kind, before, after, added, removed, changed].map(String))]);
  if (!diff) return `${head}${counts}`;
  const details = differences.map(({ kind, what, count, deliveries: ids }) => [kind, what, String(count), ids.join(' ')]);
  return `${head}${counts}\n${details.length > 0 ? table([['', 'what', 'times', 'for example delivery'], ...details], 2) : 'Nothing differs.\n'}`;
}

/** `words`: so many columns from the left are words, and the last one; numbers stand at the right. */
function table(rows: string[][], words = 1): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const cell = (text: string, i: number) => (i < words || (words > 1 && i === widths.length - 1) ? text.padEnd(widths[i]!) : text.padStart(widths[i]!));
  return `${rows.map((row) => `  ${row.map(cell).join('  ')}`.trimEnd()).join('\n')}\n`;
}
