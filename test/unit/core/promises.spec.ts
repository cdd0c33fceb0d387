import fc from 'fast-check';
import type { WalletEvent } from '#core';
import { canonical, day, event, live, outcome, rules, start } from '../../support/stories.js';

/*
 * Random lives of three customers, told in random order with random repetition. A customer is always named by the customer
 * id, as the vendor advises; e-mail and phone come and go, and two customers share a phone as families do.
 */
const customers = ['C-1', 'C-2', 'C-3'];
const rule = rules({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'] }, consents: { consents_email: { channel: 'email' }, consents_sms: { channel: 'sms', listId: 'SMS' } } });
const now = start + 2 * day;

const time = fc.integer({ min: 0, max: 30 }).map((step) => start + step * 3_600_000);
const answer = fc.option(fc.boolean(), { nil: undefined });

function eventOf(customer: string): fc.Arbitrary<WalletEvent> {
  const own = customer.toLowerCase();
  const contact = fc.oneof(
    fc.constant({}),
    fc.constantFrom(`${own}@example.com`, `${own}.new@example.com`).map((email) => ({ email })),
    // The shared phone comes with an e-mail: that is what tells a family apart.
    fc.record({ email: fc.constantFrom(`${own}@example.com`, `${own}.new@example.com`), phone: fc.constant(customer === 'C-3' ? '+33600000003' : '+33600000012') }),
  );
  const about = fc.record({ at: time, contact, email: answer, sms: answer, firstName: fc.option(fc.constantFrom('Ana', 'Ben'), { nil: undefined }) });
  const base = about.map(({ at, contact: known, email, sms, firstName }) => ({
    at,
    identifiers: { customerId: customer, ...known },
    answers: { ...(email === undefined ? {} : { consents_email: email }), ...(sms === undefined ? {} : { consents_sms: sms }) },
    attributes: firstName === undefined ? {} : { firstName },
  }));
  const person = fc.tuple(fc.constantFrom('registered' as const, 'customer-updated' as const), base).map(([kind, common]) => event(kind, common));
  const pass = fc
    .record({ kind: fc.constantFrom('pass-created' as const, 'pass-updated' as const, 'pass-installed' as const, 'pass-uninstalled' as const), common: base, id: fc.constantFrom('P-1', 'P-2'), type: fc.constantFrom('loyalty', 'gift', undefined), wallet: fc.constantFrom('Apple' as const, 'Google' as const), left: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }) })
    .map(({ kind, common, id, type, wallet, left }) =>
      event(kind, { ...common, pass: { id: `${id}-of-${customer}`, ...(type === undefined ? {} : { type }) }, ...(kind.endsWith('stalled') ? { wallet } : {}), ...(left === undefined ? {} : { activeRegistrations: left }) }),
    );
  return fc.oneof({ weight: 1, arbitrary: person }, { weight: 2, arbitrary: pass });
}

const lives = fc.array(fc.oneof(...customers.map(eventOf)), { minLength: 1, maxLength: 14 });
/** The same events in another order, some of them twice or three times. */
const retold = (events: WalletEvent[]) => fc.tuple(fc.shuffledSubarray(events, { minLength: events.length }), fc.array(fc.constantFrom(...events), { maxLength: 8 })).chain(([all, again]) => fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length }));
const told = lives.chain((events) => fc.tuple(fc.constant(events), retold(events)));

describe('the promises, over random lives', () => {
  it('order does not matter and repetition changes nothing: persons, profiles, lists and counted events end the same', () => {
    fc.assert(fc.property(told, ([events, again]) => expect(outcome(live(again, rule, now))).toEqual(outcome(live(events, rule, now)))), { numRuns: 150 });
  });

  it('persons who are recognised as one late end like those recognised early', () => {
    // Two customer ids turn out to have one e-mail. Who registered twice is then counted under both ids or one, so only persons are compared.
    const joined = (events: WalletEvent[]) => events.map((happened) => ({ ...happened, identifiers: { ...happened.identifiers, ...(happened.identifiers['email'] ? { email: happened.identifiers['email'].replace('c-2', 'c-1') } : {}) } }));
    const persons = (events: WalletEvent[]) => (outcome(live(joined(events), rule, now)) as { persons: string[] }).persons;
    fc.assert(fc.property(told, ([events, again]) => expect(persons(again)).toEqual(persons(events))), { numRuns: 150 });
  });

  it('nothing is doubled: every happening has one unique id, and only one', () => {
    const happening = ({ kind, at, pass, wallet, identifiers }: WalletEvent) => (kind === 'registered' ? `registered ${identifiers['customerId']}` : `${kind} ${at} ${pass?.id} ${wallet ?? ''}`);
    fc.assert(
      fc.property(told, ([events, again]) => {
        const counted = new Set(events.filter(({ kind }) => kind !== 'customer-updated').map(happening));
        expect(live(again, rule, now).tracks.size).toBe(counted.size);
      }),
      { numRuns: 150 },
    );
  });

  it('consent is never invented: nobody is subscribed without a yes that is their newest answer at that moment', () => {
    fc.assert(
      fc.property(told, ([, again]) => {
        const { decisions } = live(again, rule, now);
        decisions.forEach(({ commands, person }, i) => {
          const customer = person.identifiers['customerId']![0]!.value;
          for (const command of commands) {
            if (command.do !== 'subscribe') continue;
            const answers = again.slice(0, i + 1).filter((happened) => happened.identifiers['customerId'] === customer && command.field in happened.answers);
            const newest = Math.max(...answers.map(({ at }) => at));
            const said = answers.filter(({ at }) => at === newest).map(({ answers: all }) => all[command.field]);
            expect(said.length).toBeGreaterThan(0);
            expect(said).not.toContain(false);
            expect(answers.some(({ at, answers: all }) => at === command.consentedAt && all[command.field] === true)).toBe(true);
          }
        });
      }),
      { numRuns: 150 },
    );
  });

  it('consent is never resurrected: in the end only those are on a list whose newest answer is yes', () => {
    fc.assert(
      fc.property(told, ([events, again]) => {
        const lived = live(again, rule, now);
        for (const person of lived.persons) {
          const customer = person.identifiers['customerId']![0]!.value;
          const mine = events.filter((happened) => happened.identifiers['customerId'] === customer);
          const says = (field: string) => {
            const answers = mine.filter((happened) => field in happened.answers);
            const newest = Math.max(...answers.map(({ at }) => at));
            return answers.length > 0 && answers.filter(({ at }) => at === newest).every(({ answers: all }) => all[field]);
          };
          const expected = [...(says('consents_email') && person.identity.email ? ['NEWS email'] : []), ...(says('consents_sms') && person.identity.phone ? ['SMS sms'] : [])];
          expect([...(lived.members.get(person.id) ?? [])].sort()).toEqual(expected.sort());
        }
      }),
      { numRuns: 150 },
    );
  });

  it('segments do not lie: every profile that is sent names every wallet of every kind, and the last one sent is right', () => {
    fc.assert(
      fc.property(told, ([events, again]) => {
        const lived = live(again, rule, now);
        for (const command of lived.commands) {
          if (command.do !== 'upsert-profile') continue;
          for (const kind of Object.keys(rule.passKinds)) {
            for (const wallet of ['Apple', 'Google', 'Any']) expect(['Installed', 'NotInstalled', 'Uninstalled']).toContain(command.properties[`neostore.wallet.${kind}.${wallet}`]);
          }
          expect(['Installed', 'NotInstalled', 'Uninstalled']).toContain(command.properties['neostore.wallet.Any']);
        }
        for (const person of lived.persons) expect(lived.profiles.get(person.id)!.properties['neostore.wallet.installedCount']).toBe(installedByTheBook(events, person.identifiers['customerId']![0]!.value));
      }),
      { numRuns: 150 },
    );
  });

  it('history never fires flows: an event is marked as history exactly when it is older than a day', () => {
    fc.assert(
      fc.property(told, ([, again]) => {
        for (const command of live(again, rule, now).commands) if (command.do === 'track') expect(command.backfill).toBe(now - command.at > day);
      }),
    );
  });

  it('what is stored as JSON and read again decides the same', () => {
    fc.assert(
      fc.property(told, ([, again]) => {
        const { persons } = live(again, rule, now);
        for (const person of persons) expect(canonical(JSON.parse(JSON.stringify(person)))).toBe(canonical(person));
      }),
      { numRuns: 50 },
    );
  });
});

/** In how many wallets a customer's passes sit, counted from the events alone: what happened there last, a removal before an addition at the same instant. */
function installedByTheBook(events: WalletEvent[], customer: string): number {
  const last = new Map<string, { at: number; there: boolean }>();
  for (const { kind, at, pass, wallet, activeRegistrations, identifiers } of events) {
    if (identifiers['customerId'] !== customer || !wallet || !pass) continue;
    const there = kind === 'pass-installed' || (activeRegistrations ?? 0) > 0;
    const key = `${pass.id} ${wallet}`;
    const known = last.get(key);
    if (!known || at > known.at || (at === known.at && !there)) last.set(key, { at, there });
  }
  return [...last.values()].filter(({ there }) => there).length;
}
