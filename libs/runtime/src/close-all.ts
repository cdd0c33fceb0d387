const mostMs = 10_000;

/** Closes what a command has opened, the newest first. What is closing may hold nothing that keeps the process until it is closed: without the timer the process would end in between. */
export async function closeAll(opened: readonly { close(): unknown }[]): Promise<void> {
  const patience = setTimeout(() => process.exit(), mostMs);
  for (const one of opened.toReversed()) {
    try {
      await one.close();
    } catch {
      // The command has done its work.
    }
  }
  clearTimeout(patience);
}
