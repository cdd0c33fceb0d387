/** Waits for a fact instead of a time. */
export async function until<T>(fact: () => Promise<T | undefined | false | null> | T | undefined | false | null, withinMs = 20_000): Promise<T> {
  const giveUpAt = Date.now() + withinMs;
  for (;;) {
    const found = await fact();
    if (found) return found;
    if (Date.now() > giveUpAt) throw new Error(`Not so within ${withinMs} ms: ${fact.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
