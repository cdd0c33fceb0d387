import { stripVTControlCharacters, styleText } from 'node:util';
import { ConnectorError, errors } from '#core';

const out = process.stdout;

export function say(text = ''): void {
  out.write(`${text}\n`);
}

/** Whoever reads what we write may leave, as `head` does. Then nothing more is written; the work and its exit code stay what they are. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      stream.write = () => true;
    });
  }
}

/** No stack trace: what is wrong and what to do about it. `failed` is all that can be said of what has no code of ours. */
export function complain(error: unknown, failed: string): void {
  const { code, name } = error as { code?: string; name?: string };
  process.stderr.write(`${error instanceof ConnectorError ? coded(error) : `${failed}: ${code ?? name ?? typeof error}`}\n`);
}

/** Where the usage is printed, it says what to do. */
function coded({ code, message }: ConnectorError): string {
  return code === 'OPTIONS_INVALID' ? `${code}: ${message}` : `${code}: ${message}\n${errors[code].fix}`;
}

export const strong = (text: string) => styleText('bold', text);
export const faint = (text: string) => styleText('dim', text);
export const good = (text: string) => styleText('green', text);
export const bad = (text: string) => styleText('red', text);

/** Columns as wide as their widest cell; a cell may have several lines. */
export function table(head: string[], rows: string[][]): void {
  for (const line of tableLines(head, rows)) say(line);
}

export function tableLines(head: string[], rows: string[][]): string[] {
  const lines = rows.map((row) => row.map((cell) => cell.split('\n')));
  const widths = head.map((title, i) => Math.max(title.length, ...lines.flatMap((row) => row[i]!.map(visible))));
  const line = (cells: string[]) => cells.map((cell, i) => cell + ' '.repeat(widths[i]! - visible(cell))).join('   ').trimEnd();
  const body = lines.flatMap((row) => Array.from({ length: Math.max(...row.map((cell) => cell.length)) }, (_, i) => line(row.map((cell) => cell[i] ?? ''))));
  return [strong(line(head)), faint(widths.map((width) => '─'.repeat(width)).join('───')), ...body];
}

const visible = (text: string) => [...stripVTControlCharacters(text)].length;

const barWidth = 30;

/** A bar that redraws itself on a terminal; elsewhere one line per tenth. */
export class Progress {
  private tenth = -1;

  constructor(private readonly title: string) {}

  show(done: number, total: number, beside = ''): void {
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const text = `${this.title} ${'█'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '░')} ${done}/${total} ${beside}`;
    if (out.isTTY) {
      out.write(`\r\u001b[2K${text}`);
      if (share === 1) say();
    } else if (Math.floor(share * 10) > this.tenth) {
      this.tenth = Math.floor(share * 10);
      say(text);
    }
  }
}

/** Progress on one line, where somebody is looking. Without words the line is gone again. */
export function tellProgress(words: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${words}`);
}
