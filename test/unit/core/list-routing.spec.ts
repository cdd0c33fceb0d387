import { aCustomer, commandsOf, day, event, live, onlyPerson, permutations, rules, start } from '../../support/stories.js';

const ana = () => aCustomer('C-42');
const email = 'ana@example.com';
const phone = '+33612345678';
const asked = (lived: ReturnType<typeof live>) => lived.commands.flatMap((command) => (command.do === 'subscribe' || command.do === 'unsubscribe' ? [`${command.do} ${command.listId} ${command.channel}`] : []));

describe('what consents ask of lists', () => {
  it.each([
    ['a yes subscribes', ana().enrolled({ email, consents: { consents_email: true } }), ['subscribe NEWS email']],
    ['a no at enrolment asks for nothing: it takes back nothing that was given elsewhere', ana().enrolled({ email, consents: { consents_email: false } }), []],
    ['no answer asks for nothing', ana().enrolled({ email }), []],
    ['a yes for text messages subscribes the phone', ana().enrolled({ phone, consents: { consents_sms: true } }), ['subscribe NEWS sms']],
    ['each channel goes by its own answer', ana().enrolled({ email, phone, consents: { consents_email: true, consents_sms: false } }), ['subscribe NEWS email']],
    ['a yes waits for the identifier its channel needs', ana().enrolled({ email, consents: { consents_sms: true } }), []],
    ['a yes that waited subscribes when the phone becomes known', ana().enrolled({ email, consents: { consents_sms: true } }).updated({ phone }), ['subscribe NEWS sms']],
    ['a yes taken back while it waited subscribes nobody', ana().enrolled({ email, consents: { consents_sms: true } }).answered({ consents_sms: false }).updated({ phone }), []],
    ['a later no ends the subscription we asked for', ana().enrolled({ email, consents: { consents_email: true } }).answered({ consents_email: false }), ['subscribe NEWS email', 'unsubscribe NEWS email']],
    ['a yes said again and again subscribes once', ana().enrolled({ email, consents: { consents_email: true } }).answered({ consents_email: true }).answered({ consents_email: true }), ['subscribe NEWS email']],
    ['a no said again and again unsubscribes once', ana().enrolled({ email, consents: { consents_email: true } }).answered({ consents_email: false }).answered({ consents_email: false }), ['subscribe NEWS email', 'unsubscribe NEWS email']],
    ['a yes after a withdrawal subscribes again', ana().enrolled({ email, consents: { consents_email: true } }).answered({ consents_email: false }).answered({ consents_email: true }), ['subscribe NEWS email', 'unsubscribe NEWS email', 'subscribe NEWS email']],
    ['a withdrawal of one channel leaves the other alone', ana().enrolled({ email, phone, consents: { consents_email: true, consents_sms: true } }).answered({ consents_sms: false }), ['subscribe NEWS email', 'subscribe NEWS sms', 'unsubscribe NEWS sms']],
  ])('%s', (_title, customer, commands) => {
    expect(asked(live(customer.events))).toEqual(commands);
  });

  it('in whatever order the answers arrive, the newest one decides who is on the list', () => {
    const events = ana().enrolled({ email, consents: { consents_email: true } }).answered({ consents_email: false }).updated({ phone }).answered({ consents_email: true, consents_sms: true }).answered({ consents_sms: false }).events;
    for (const order of permutations(events)) {
      const lived = live(order);
      expect([...lived.members.get(onlyPerson(lived).id)!]).toEqual(['NEWS email']);
    }
  });

  it('a field with a list of its own goes there', () => {
    const rule = rules({ consents: { consents_email: { channel: 'email' }, vip: { channel: 'email', listId: 'VIP' } } });
    expect(asked(live(ana().enrolled({ email, consents: { consents_email: true, vip: true } }).answered({ vip: false }).events, rule))).toEqual(['subscribe NEWS email', 'subscribe VIP email', 'unsubscribe VIP email']);
  });

  it('without any list the command names none, and it is the adapter that must not make that a global unsubscribe', () => {
    const { listId: _listId, ...rule } = rules();
    const lived = live(ana().enrolled({ email, consents: { consents_email: true } }).events, rule);
    expect(commandsOf(lived, 'subscribe')[0]).not.toHaveProperty('listId');
  });

  it('a subscription carries the time of the choice, not of its repetition, and the field that was answered', () => {
    const lived = live(ana().enrolled({ at: start, consents: { consents_email: true } }).updated({ at: start + 60_000, email, consents: { consents_email: true } }).events);
    expect(commandsOf(lived, 'subscribe')).toEqual([{ do: 'subscribe', listId: 'NEWS', channel: 'email', consentedAt: start, field: 'consents_email', historical: false }]);
  });

  it('a withdrawal carries the time it was made', () => {
    const lived = live(ana().enrolled({ at: start, email, consents: { consents_email: true } }).answered({ consents_email: false }, { at: start + 9_000 }).events);
    expect(commandsOf(lived, 'unsubscribe')).toEqual([{ do: 'unsubscribe', listId: 'NEWS', channel: 'email', withdrawnAt: start + 9_000, field: 'consents_email' }]);
  });

  it.each([
    ['a fresh consent is never historical', true, 0, false],
    ['a consent exactly as old as allowed is not late', true, day, false],
    ['a late consent is historical where the tenant wants it', true, day + 1, true],
    ['a late consent is an ordinary one where the tenant does not', false, day + 1, false],
  ])('%s', (_title, historicalWhenLate, age, historical) => {
    const rule = rules({ consents: { consents_email: { channel: 'email', historicalWhenLate } } });
    const lived = live(ana().enrolled({ at: start, email, consents: { consents_email: true } }).events, rule, start + age);
    expect(commandsOf(lived, 'subscribe')).toMatchObject([{ historical }]);
  });

  it('a consent given with a pass counts like one given at enrolment', () => {
    const told = event('pass-created', { identifiers: { email }, pass: { id: 'P-1' }, answers: { consents_email: true } });
    expect(asked(live([told]))).toEqual(['subscribe NEWS email']);
  });
});
