import fc from 'fast-check';
import type { WalletEvent } from '#core';
import { aCustomer, commandsOf, event, live, minute, onlyPerson, outcome, permutations, start } from '../../support/stories.js';

const email = 'ana@example.com';
const at = (minutes: number) => start + minutes * minute;
const klaviyo = (kind: 'opted-in' | 'opted-out', minutes: number, own: Partial<WalletEvent> = {}) => event(kind, { at: at(minutes), channel: 'email', profile: { email, klaviyoId: '01ANA' }, ...own });
const said = (minutes: number, given: boolean) => aCustomer('C-42').answered({ consents_email: given }, { at: at(minutes), identifiers: { customerId: 'C-42', email } }).events[0]!;
const enrolled = aCustomer('C-42').enrolled({ email, consents: { consents_email: true }, at: at(1) }).events[0]!;
const subscriptions = (events: readonly WalletEvent[]) => commandsOf(live(events), 'subscribe').map(({ consentedAt }) => (consentedAt - start) / minute);

describe('an opt-out made in Klaviyo', () => {
  it('keeps an older consent from subscribing anybody, whether it comes again or only now', () => {
    expect(subscriptions([enrolled, klaviyo('opted-out', 5), enrolled, said(9, true)])).toEqual([1]);
    expect(subscriptions([klaviyo('opted-out', 5), enrolled, said(9, true), enrolled])).toEqual([]);
  });

  it('is not outdone by a form that says the same yes again', () => {
    expect(subscriptions([klaviyo('opted-out', 5), enrolled, said(30, true), said(60, true)])).toEqual([]);
  });

  it('gives way to a new choice: a no and then a yes, or a yes in Klaviyo itself', () => {
    expect(subscriptions([enrolled, klaviyo('opted-out', 5), said(30, false), said(60, true)])).toEqual([1, 60]);
    expect(subscriptions([klaviyo('opted-out', 5), klaviyo('opted-in', 8), enrolled])).toEqual([1]);
  });

  it('stands against every yes of unknown date: an update of an existing customer brings along what was said years ago', () => {
    const upserted = { ...enrolled, at: at(30), undated: true };
    for (const late of [said(30, true), upserted]) {
      for (const order of permutations([klaviyo('opted-out', 5), late])) expect(subscriptions(order).length).toBe(order[0] === late ? 1 : 0);
      expect(commandsOf(live([late]), 'subscribe')[0]!.undated).toBe(true);
    }
    expect(subscriptions([klaviyo('opted-out', 5), { ...enrolled, at: at(30) }])).toEqual([30]);
    expect(subscriptions([klaviyo('opted-out', 5), said(30, false), said(60, true)])).toEqual([60]);
    expect(subscriptions([klaviyo('opted-out', 5), klaviyo('opted-in', 8), said(30, true)])).toEqual([30]);
  });

  it('concerns its own channel only', () => {
    const phone = '+33612345678';
    const both = aCustomer('C-42').enrolled({ email, phone, consents: { consents_email: true, consents_sms: true }, at: at(1) }).events[0]!;
    expect(commandsOf(live([klaviyo('opted-out', 5), both]), 'subscribe').map(({ channel }) => channel)).toEqual(['sms']);
  });

  it('asks nothing of Klaviyo, which knows it already', () => {
    expect(live([enrolled, klaviyo('opted-out', 5)]).decisions[1]!.commands).toEqual([]);
    expect(live([klaviyo('opted-out', 5)]).commands).toEqual([]);
  });

  it('goes with whatever is still waiting to be sent', () => {
    expect(onlyPerson(live([enrolled, klaviyo('opted-out', 5)])).identity.optedOut).toEqual({ email: at(5) });
    expect(onlyPerson(live([enrolled, klaviyo('opted-out', 5), klaviyo('opted-in', 8)])).identity.optedOut).toBeUndefined();
  });

  it('that is our own withdrawal coming back does not stand in the way of the yes that followed it', () => {
    const echo = klaviyo('opted-out', 12, { throughApi: true });
    expect(subscriptions([enrolled, said(10, false), echo, said(11, true)])).toEqual([1, 11]);
    expect(subscriptions([enrolled, klaviyo('opted-out', 12, { throughApi: true }), said(20, true)])).toEqual([1]);
  });

  it('teaches no address that only Klaviyo has: those of its profile may be somebody else\'s by now', () => {
    const person = onlyPerson(live([enrolled, klaviyo('opted-out', 5, { profile: { email, phone: '+33699999999', klaviyoId: '01ANA' } })]));
    expect(person.identity).toMatchObject({ email, klaviyoId: '01ANA' });
    expect(person.identity.phone).toBeUndefined();
  });

  it('ends, in every order and however often everything is repeated, with nobody subscribed again', () => {
    const events = [enrolled, said(3, true), klaviyo('opted-out', 5), enrolled, aCustomer('C-42').installed('apple', { at: at(10) }).events[0]!];
    const expected = outcomeWithoutLists(events);
    for (const order of permutations(events)) {
      const { decisions } = live(order);
      const heard = order.findIndex(({ kind }) => kind === 'opted-out');
      expect(decisions.slice(heard).flatMap(({ commands }) => commands.filter((command) => command.do === 'subscribe'))).toEqual([]);
      expect(outcomeWithoutLists(order)).toEqual(expected);
    }
  });

  it('over all interleavings of answers, opt-outs and opt-ins: nobody is subscribed on a yes that is older than an opt-out already heard of', () => {
    const step = fc.record({ minutes: fc.integer({ min: 0, max: 40 }), what: fc.constantFrom('yes', 'no', 'out', 'in', 'enrol') });
    const eventOf = ({ minutes, what }: { minutes: number; what: string }): WalletEvent =>
      what === 'out' ? klaviyo('opted-out', minutes) : what === 'in' ? klaviyo('opted-in', minutes) : what === 'enrol' ? { ...enrolled, at: at(minutes) } : said(minutes, what === 'yes');
    const told = fc.array(step, { minLength: 2, maxLength: 10 }).chain((steps) => fc.shuffledSubarray([...steps, ...steps], { minLength: steps.length }).map((order) => order.map(eventOf)));
    fc.assert(
      fc.property(told, (events) => {
        const { decisions } = live(events);
        decisions.forEach(({ commands }, i) => {
          const heard = events.slice(0, i + 1);
          const out = Math.max(0, ...heard.filter(({ kind }) => kind === 'opted-out').map((one) => one.at));
          const back = Math.max(0, ...heard.filter(({ kind }) => kind === 'opted-in').map((one) => one.at));
          for (const command of commands) if (command.do === 'subscribe' && out > back) expect(command.consentedAt).toBeGreaterThan(out);
        });
      }),
      { numRuns: 300 },
    );
  });
});

/** Who was subscribed before the opt-out was heard of depends on the order; what is known in the end does not. */
function outcomeWithoutLists(events: readonly WalletEvent[]): unknown {
  const { persons } = outcome(live(events)) as { persons: string[] };
  return persons.map((person) => ({ ...(JSON.parse(person) as object), lists: undefined }));
}

describe('profiles that were merged in Klaviyo', () => {
  it('are one person from then on, under the id that stayed', () => {
    const persons = [
      event('registered', { identifiers: { email: 'ana@example.com', 'klaviyo.id': '01OLD' } }),
      event('registered', { identifiers: { customerId: 'C-7', email: 'ana@work.example', 'klaviyo.id': '01NEW' }, at: at(1) }),
    ];
    const merged = event('profiles-merged', { at: at(20), profile: { klaviyoId: '01NEW' }, mergedIds: ['01OLD'] });
    for (const order of permutations([...persons, merged]).filter((each) => each[0] !== merged)) {
      const lived = live(order.at(-1) === merged ? order : [...order, merged]);
      expect(onlyPerson(lived).identity.klaviyoId).toBe('01NEW');
    }
  });
});
