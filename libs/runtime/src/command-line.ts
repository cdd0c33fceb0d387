import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { ConnectorError } from '#core';

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Reads what somebody typed. Whatever cannot be understood is answered with the usage: throws OPTIONS_INVALID. */
export class CommandLine {
  constructor(private readonly usage: string) {}

  /** Undefined: somebody asked for the usage. Names without an option (`positionals`) are refused unless allowed, and so is what is given twice and can be only one. */
  read<T extends ParseArgsOptionsConfig>(typed: readonly string[], options: T, allowPositionals = false) {
    if (typed.includes('--help')) return undefined;
    try {
      const read = parseArgs({ args: [...typed], options, allowPositionals, tokens: true });
      const given = read.tokens.flatMap((token) => (token.kind === 'option' && !options[token.name]!.multiple ? token.name : []));
      const twice = given.find((name, i) => given.indexOf(name) < i);
      if (twice !== undefined) throw new Error(`--${twice} is given twice`);
      return read;
    } catch (error) {
      throw this.wrong((error as Error).message);
    }
  }

  /** `30m`, `12h`, `7d`, `2w` before now, or a time such as 2026-03-01, as epoch milliseconds. */
  since(text: string, now: number): number {
    const at = timeAgo(text, now);
    if (at === undefined) throw this.wrong(`--since ${text} is no time in the past`);
    return at;
  }

  wrong(words: string): ConnectorError {
    return new ConnectorError('OPTIONS_INVALID', `\n  ${words}\n\n${this.usage}`);
  }
}

/** There were no passes in phones before. */
const beginning = Date.UTC(2000);

/** Undefined: it is no time in the past. */
function timeAgo(text: string, now: number): number | undefined {
  const [, count, unit] = /^(\d+)([mhdw])$/.exec(text) ?? [];
  // The date parser takes a bare number for a year or a month.
  const at = count ? now - Number(count) * unitMs[unit as keyof typeof unitMs] : /^\d{4}-\d\d/.test(text) ? Date.parse(text) : NaN;
  return at > beginning && at < now ? at : undefined;
}
