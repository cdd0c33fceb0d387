const open = new Set<{ close(): Promise<unknown> }>();

/** Closed after the test even when the test fails half way: an open server would keep the whole run from ending. */
export function closing<T extends { close(): Promise<unknown> }>(thing: T): T {
  open.add(thing);
  return thing;
}

afterEach(async () => {
  await Promise.all([...open].map((thing) => thing.close()));
  open.clear();
});
