export abstract class Clock {
  /** Epoch milliseconds. */
  abstract now(): number;
  abstract wait(ms: number): Promise<void>;
  /** Resolves when all that has already arrived at this process has been looked at. */
  abstract nextTurn(): Promise<void>;
}

/** Facts for a log line. No personal data, no secret: only ids, codes, counts and durations. */
export type LogFields = Record<string, string | number | boolean | undefined>;

export abstract class Log {
  abstract info(message: string, fields?: LogFields): void;
  abstract warn(message: string, fields?: LogFields): void;
  abstract error(message: string, fields?: LogFields): void;
}

export abstract class Meter {
  abstract count(name: string, labels: Record<string, string>, by?: number): void;
  abstract observe(name: string, labels: Record<string, string>, seconds: number): void;
}

/** Keeps credentials unreadable wherever they are stored or handed on. The same text always gives the same sealed text. */
export abstract class Vault {
  abstract seal(text: string): string;
  /** Undefined: sealed with a key that is no longer here. */
  abstract open(sealed: string): string | undefined;
}
