import { Clock, Log, type LogFields, Meter, Vault } from '#core';

export class ManualClock extends Clock {
  readonly waits: number[] = [];

  constructor(public at: number = Date.UTC(2026, 8, 1, 12)) {
    super();
  }

  now(): number {
    return this.at;
  }

  /** Waiting moves the clock. */
  async wait(ms: number): Promise<void> {
    this.waits.push(ms);
    this.at += ms;
  }

  nextTurn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

export class KeptLog extends Log {
  readonly lines: string[] = [];

  info(message: string, fields?: LogFields): void {
    this.lines.push(`info ${message} ${JSON.stringify(fields ?? {})}`);
  }

  warn(message: string, fields?: LogFields): void {
    this.lines.push(`warn ${message} ${JSON.stringify(fields ?? {})}`);
  }

  error(message: string, fields?: LogFields): void {
    this.lines.push(`error ${message} ${JSON.stringify(fields ?? {})}`);
  }
}

export class KeptMeter extends Meter {
  readonly counted: string[] = [];

  count(name: string, labels: Record<string, string>): void {
    this.counted.push(`${name} ${Object.values(labels).join(' ')}`);
  }

  observe(): void {}
}

/** Seals so that a reader of a test sees what is sealed; the real vault has tests of its own. */
export class GlassVault extends Vault {
  seal(text: string): string {
    return `sealed:${Buffer.from(text).toString('base64url')}`;
  }

  open(sealed: string): string | undefined {
    return sealed.startsWith('sealed:') ? Buffer.from(sealed.slice('sealed:'.length), 'base64url').toString() : undefined;
  }
}
