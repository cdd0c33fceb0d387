import { randomUUID } from 'node:crypto';
import type { Notifications } from '#core';

/** What every place that remembers notifications must do. `both`: two replicas of it. */
export function notificationsSuite(both: () => { one: Notifications; other: Notifications }): void {
  const tenant = 'acme';
  const three = { most: 3, withinMs: 86_400_000 };
  const command = () => randomUUID();
  const pass = () => `pass-${randomUUID()}`;

  it('lets a notification go once: whoever comes with the same again is told that it had begun', async () => {
    const { one, other } = both();
    const [id, card] = [command(), pass()];
    expect(await one.begin(tenant, id, card)).toBe('go');
    expect(await other.begin(tenant, id, card)).toBe('begun-before');
    expect(await one.begin(tenant, id, card, three)).toBe('begun-before');
  });

  it('lets it go again when it certainly was not sent', async () => {
    const { one, other } = both();
    const [id, card] = [command(), pass()];
    await one.begin(tenant, id, card, three);
    await other.takeBack(id);
    expect(await one.begin(tenant, id, card, three)).toBe('go');
  });

  it('counts per pass and tenant, over all replicas, also when they ask at the same time', async () => {
    const { one, other } = both();
    const card = pass();
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).begin(tenant, command(), card, three)));
    expect(answers.filter((answer) => answer === 'go')).toHaveLength(3);
    expect(new Set(answers)).toEqual(new Set(['go', 'over-limit']));
    expect(await one.begin(tenant, command(), pass(), three)).toBe('go');
    expect(await one.begin('globex', command(), card, three)).toBe('go');
  });

  it('does not count what was taken back, and notes nothing where the limit is reached', async () => {
    const { one } = both();
    const card = pass();
    const ids = [command(), command(), command()];
    for (const id of ids) await one.begin(tenant, id, card, three);
    const late = command();
    expect(await one.begin(tenant, late, card, three)).toBe('over-limit');
    await one.takeBack(ids[0]!);
    expect(await one.begin(tenant, late, card, three)).toBe('go');
  });

  it('counts only those of the time asked for', async () => {
    const { one } = both();
    const card = pass();
    for (let n = 0; n < 3; n++) await one.begin(tenant, command(), card, three);
    expect(await one.begin(tenant, command(), card, { most: 3, withinMs: 0 })).toBe('go');
  });
}
