import { newPerson, RefreshTokens, type Person } from '#core';
import { day, rules, start } from '../../support/stories.js';
import { ManualClock, MemoryStore } from './fakes.js';

const links = { pages: { enrolment: 'https://wallet.example/mail', pass: 'https://wallet.example/pass' }, tokenOn: 'profile' as const, unasked: true, asProperties: false, refreshAfterMs: 30 * day };
const holder = (id: string, at: number, own: Partial<Person> = {}): Person => ({ ...newPerson(id), identity: { email: `${id}@example.com`, klaviyoId: `01${id}` }, token: { sealed: 'sealed', at }, ...own });

async function refreshing(persons: Person[], own: Partial<typeof links> | null = {}) {
  const clock = new ManualClock(start);
  const store = new MemoryStore(clock);
  for (const person of persons) store.persons.set(person.id, person);
  const tenant = rules(own ? { links: { ...links, ...own } as typeof links } : {});
  const refresh = new RefreshTokens(store, new Map([['acme', tenant]]), clock);
  await refresh.run();
  return { store, clock, refresh, asked: () => store.batches.flat() };
}

describe('tokens of pass links that grow old', () => {
  it('are asked for anew, as if a flow had asked for the profile', async () => {
    const { asked } = await refreshing([holder('old', start - 31 * day), holder('young', start - 29 * day)]);
    expect(asked()).toMatchObject([{ tenant: 'acme', event: { kind: 'flow-action', name: 'token refresh', command: { do: 'look-up', profile: { email: 'old@example.com', klaviyoId: '01old' }, by: [] } } }]);
  });

  it('are asked for once a day, however often they are looked for', async () => {
    const { refresh, asked, clock } = await refreshing([holder('old', start - 31 * day)]);
    await refresh.run();
    expect(new Set(asked().map(({ key }) => key)).size).toBe(1);
    await clock.wait(day);
    await refresh.run();
    expect(new Set(asked().map(({ key }) => key)).size).toBe(2);
  });

  it('are left alone where nobody could be told, and where events carry them', async () => {
    expect((await refreshing([holder('old', start - 31 * day, { identity: {} })])).asked()).toEqual([]);
    expect((await refreshing([holder('old', start - 31 * day)], { tokenOn: 'event' as never })).asked()).toEqual([]);
    expect((await refreshing([holder('old', start - 31 * day)], null)).asked()).toEqual([]);
  });
});
