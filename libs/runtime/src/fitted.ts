import { stripVTControlCharacters } from 'node:util';

/** So wide is a page. */
export const pageWidth = 100;
const gap = 3;
/** No column becomes narrower by force. */
const leastWidth = 8;

/** Text in lines of at most so many characters, broken at spaces; a longer word is broken where it must. */
export function linesOf(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = '';
      }
      line = line === '' ? word : `${line} ${word}`;
      for (; line.length > width; line = line.slice(width)) lines.push(line.slice(0, width));
    }
    return [...lines, line];
  });
}

export function wrapped(text: string, indent = 0, width = pageWidth): string {
  return linesOf(text, width - indent)
    .map((line) => ' '.repeat(indent) + line)
    .join('\n');
}

/** Rows whose columns fit on a page: the widest give way first. */
export function fitted(head: readonly string[], rows: readonly (readonly string[])[], width = pageWidth): string[][] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.flatMap((row) => row[i]!.split('\n').map(visible))));
  const room = width - gap * (head.length - 1);
  for (let over = sum(widths) - room; over > 0; over--) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= leastWidth) break;
    widths[widest]!--;
  }
  return rows.map((row) => row.map((cell, i) => (cell.split('\n').every((line) => visible(line) <= widths[i]!) ? cell : wrapped(cell, 0, widths[i]!))));
}

const visible = (line: string) => stripVTControlCharacters(line).length;
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
