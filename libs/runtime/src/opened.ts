const mostMs = 10_000;

/** What a command has opened. */
export class Opened {
  private readonly all: { close(): unknown }[] = [];

  keep<T extends { close(): unknown }>(one: T): T {
    this.all.push(one);
    return one;
  }

  /** The newest first. What is closing may hold nothing that keeps the process until it is closed: without the timer the process would end in between. */
  async close(): Promise<void> {
    const patience = setTimeout(() => process.exit(), mostMs);
    for (const one of this.all.toReversed()) {
      try {
        await one.close();
      } catch {
        // The command has done its work.
      }
    }
    clearTimeout(patience);
  }
}
