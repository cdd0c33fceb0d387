import { ProcessEvents, type Delivery, type Plugin, type Stage, type WalletEvent } from '#core';
import { aCustomer, rules, start } from '../../support/stories.js';
import { KeptLog, KeptMeter, KeptQueue, ManualClock, MemoryStore } from './fakes.js';
import { plugin, PluginsHere } from './plugins-here.js';

const email = 'ana@example.com';
const consents = { consents_email: { channel: 'email' as const }, consents_sms: { channel: 'sms' as const, listId: 'SMS' } };
const enrolled = (id = 'C-42') => aCustomer(id).enrolled({ email: `${id}@example.com`, consents: { consents_email: true }, attributes: { locale: 'fr-FR' } }).events[0]!;

function processing(plugins: (Plugin & { onError?: 'skip' | 'hold' })[], stages: Record<string, Stage> = {}) {
  const clock = new ManualClock(start + 60_000);
  const store = new MemoryStore(clock);
  const runner = new PluginsHere(plugins);
  const host = runner.host(stages);
  const read = (): WalletEvent => { throw new Error('not asked'); };
  const events = new ProcessEvents(store, new KeptQueue(), { calm: async () => undefined }, () => rules({ consents }), host, read, clock, new KeptLog(), new KeptMeter());
  const run = async (...happened: WalletEvent[]) => {
    store.undecided = happened.map((event, i): Delivery => ({ id: `d-${i}`, receivedAt: start, event }));
    await events.run('acme');
    const outcomes = store.saved.flatMap((changes) => changes.outcomes);
    const commands = store.saved.flatMap((changes) => changes.commands.map(({ deliveryId, command }) => ({ deliveryId, ...command })));
    const lists = commands.flatMap((command) => (command.do === 'subscribe' ? [command.listId] : []));
    return { outcomes, commands, lists, notes: outcomes.flatMap(({ notes }) => notes), persons: [...store.persons.values()] };
  };
  return { run, runner };
}

describe('plugins', () => {
  it('take part in deciding: the answer of one is the question to the next', async () => {
    const { run, runner } = processing([
      plugin('first', { mapProfile: ({ profile }) => ({ ...profile, properties: { ...profile.properties, tier: 'Gold' } }) }),
      plugin('second', { mapProfile: ({ profile }) => ({ attributes: { ...profile.attributes, city: 'Paris' }, properties: { ...profile.properties, label: `is ${String(profile.properties['tier'])}` } }) }),
    ]);
    const { commands, notes } = await run(enrolled());
    expect(commands.find((command) => command.do === 'upsert-profile')).toMatchObject({ attributes: { city: 'Paris', locale: 'fr-FR' }, properties: { tier: 'Gold', label: 'is Gold', 'neostore.wallet.Any': 'NotInstalled' } });
    expect(notes).toEqual([{ by: 'plugin first', says: 'mapProfile: property tier.' }, { by: 'plugin second', says: 'mapProfile: attribute city, property label.' }]);
    expect(runner.asked).toEqual(['first mapProfile 1', 'second mapProfile 1']);
  });

  it('are asked about a whole batch at once', async () => {
    const { run, runner } = processing([plugin('lists', { routeLists: ({ lists }) => lists })]);
    await run(...['a', 'b', 'c', 'd'].map(enrolled));
    expect(runner.asked).toEqual(['lists routeLists 4']);
  });

  it('choose lists for the consents that were given', async () => {
    const byLanguage = plugin('by-language', { routeLists: ({ person, lists }) => [...lists, ...lists.map(({ consent }) => ({ consent, list: `${person.locale!.slice(0, 2)}-list` }))] });
    expect((await processing([byLanguage]).run(enrolled(), enrolled())).lists).toEqual(['NEWS', 'fr-list']);
  });

  it('cannot invent consent: a list on a consent that was not given is dropped, and the record names the plugin', async () => {
    const inventor = plugin('inventor', { routeLists: ({ lists }) => [...lists, { consent: 'consents_sms', list: 'SPAM' }, { consent: 'made_up', list: 'SPAM' }] });
    const { lists, notes } = await processing([inventor]).run(enrolled());
    expect(lists).toEqual(['NEWS']);
    expect(notes).toContainEqual({ by: 'plugin inventor', says: 'Asked for 2 lists on a consent that was not given.', code: 'PLUGIN_CONSENT_MISSING' });
  });

  it('may leave out an event, which is kept and says why', async () => {
    const { run } = processing([plugin('staff', { acceptEvent: ({ event }) => (event.identifiers['customerId'] === 'C-1' ? { skip: 'A member of staff.' } : true) })]);
    const { outcomes, commands } = await run(enrolled('C-1'), enrolled('C-2'));
    expect(outcomes).toMatchObject([{ status: 'ignored' }, { status: 'processed' }]);
    expect(outcomes[0]!.notes.at(-1)!.says).toBe('A member of staff.');
    expect(new Set(commands.map(({ deliveryId }) => deliveryId))).toEqual(new Set(['d-1']));
  });

  it('decide by what an event is joined to a person', async () => {
    const lower = plugin('lower', { matchPerson: ({ identifiers }) => ({ ...identifiers, customerId: identifiers['customerId']!.toLowerCase() }) });
    const { persons } = await processing([lower]).run(enrolled('C-42'), { ...enrolled('c-42'), kind: 'customer-updated' });
    expect(persons).toHaveLength(1);
    expect(persons[0]!.identifiers['customerId']!.map(({ value }) => value)).toEqual(['c-42']);
  });

  it('name and shape the Klaviyo event, or send none', async () => {
    const renamed = plugin('renamed', { mapMetric: ({ metric, event }) => (event.kind === 'pass-updated' ? null : { ...metric, name: `My ${metric.name}` }) });
    const { commands } = await processing([renamed]).run(...aCustomer('C-42').enrolled({ email }).passUpdated().events);
    expect(commands.flatMap((command) => (command.do === 'track' ? [command.metric] : []))).toEqual(['My Wallet Registered']);
  });

  it('that fail are passed over: the value before them is used, and the record names them', async () => {
    const broken = plugin('broken', { mapProfile: () => { throw new Error('Oh no.'); }, routeLists: () => 'nonsense' as never });
    const { commands, notes, lists } = await processing([broken]).run(enrolled());
    expect(lists).toEqual(['NEWS']);
    expect(commands.map((command) => command.do)).toContain('upsert-profile');
    expect(notes).toMatchObject([{ by: 'plugin broken', code: 'PLUGIN_FAILED', says: 'mapProfile: Oh no.' }, { by: 'plugin broken', code: 'PLUGIN_ANSWER_UNUSABLE' }]);
  });

  it('that must not be passed over hold the delivery: nothing is learned from it, the others go on, and its replay is whole', async () => {
    const fussy = plugin('fussy', { mapMetric: ({ metric, person }) => { if (person.identifiers['customerId'] === 'C-1') throw new Error('No.'); return metric; } }, { onError: 'hold' });
    const { outcomes, persons, commands } = await processing([fussy]).run(enrolled('C-1'), enrolled('C-2'));
    expect(outcomes).toMatchObject([{ id: 'd-0', status: 'parked', code: 'PLUGIN_FAILED' }, { id: 'd-1', status: 'processed' }]);
    expect(outcomes[0]!.notes.map(({ by }) => by)).toEqual(['plugin fussy', 'decide']);
    expect(outcomes[1]!.notes).toEqual([]);
    expect(persons.map((person) => person.identifiers['customerId']![0]!.value)).toEqual(['C-2']);
    expect(commands.every(({ deliveryId }) => deliveryId === 'd-1')).toBe(true);
  });

  it('in shadow are asked, and only what they would have changed is recorded, without a value', async () => {
    const shy = plugin('shy', { mapProfile: ({ profile }) => ({ ...profile, properties: { ...profile.properties, secret: 'value' } }), routeLists: ({ lists }) => [...lists, { consent: 'consents_email', list: 'NEW' }] });
    const { commands, notes, lists } = await processing([shy], { shy: 'shadow' }).run(enrolled());
    expect(lists).toEqual(['NEWS']);
    expect(JSON.stringify(commands)).not.toContain('secret');
    expect(notes).toEqual([
      { by: 'plugin shy', says: 'Shadow: mapProfile would have changed: property secret.' },
      { by: 'plugin shy', says: 'Shadow: routeLists would have changed: list NEW by consents_email.' },
    ]);
  });

  it('that are off are not asked', async () => {
    const { run, runner } = processing([plugin('off', { mapProfile: ({ profile }) => profile })], { off: 'off' });
    await run(enrolled());
    expect(runner.asked).toEqual([]);
  });

  it('that are rolled back end no subscription: the person did not say no', async () => {
    const stages: Record<string, Stage> = { extra: 'on' };
    const { run } = processing([plugin('extra', { routeLists: ({ lists }) => [...lists, { consent: 'consents_email', list: 'EXTRA' }] })], stages);
    expect((await run(enrolled())).lists).toEqual(['NEWS', 'EXTRA']);
    stages['extra'] = 'off';
    const again = await run(aCustomer('C-42').updated({ email }).events[0]!);
    expect(again.commands.filter((command) => command.do === 'unsubscribe')).toEqual([]);
  });

  it('cannot make segments lie: reserved names stay as they are, and the record says who tried', async () => {
    const liar = plugin('liar', { mapProfile: ({ profile }) => ({ ...profile, properties: { 'neostore.wallet.Any': 'Installed', 'neostore.authenticationToken': 'stolen', '$consent': ['email'], 'tier': 'Gold' } }) });
    const { commands, notes } = await processing([liar]).run(enrolled());
    const { properties } = commands.find((command) => command.do === 'upsert-profile') as { properties: Record<string, unknown> };
    expect(properties).toMatchObject({ 'tier': 'Gold', 'neostore.wallet.Any': 'NotInstalled', 'neostore.wallet.loyaltyCard.Apple': 'NotInstalled' });
    expect(Object.keys(properties)).not.toEqual(expect.arrayContaining(['$consent']));
    expect(properties['neostore.authenticationToken']).toBeUndefined();
    expect(notes).toContainEqual({ by: 'plugin liar', says: expect.stringContaining('property $consent'), code: 'PLUGIN_ANSWER_UNUSABLE' });
  });

  it.each<[string, Omit<Plugin, 'name' | 'api'>]>([
    ['an address that is none', { matchPerson: ({ identifiers }) => ({ ...identifiers, email: 'not a mail' }) }],
    ['a phone number that is not E.164', { matchPerson: ({ identifiers }) => ({ ...identifiers, phone: '06' }) }],
    ['a metric name that Klaviyo refuses', { mapMetric: ({ metric }) => ({ ...metric, name: 'x'.repeat(128) }) }],
    ['more properties than Klaviyo takes', { mapMetric: ({ metric }) => ({ ...metric, properties: Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`p${i}`, i])) }) }],
    ['a larger profile than Klaviyo takes', { mapProfile: ({ profile }) => ({ ...profile, properties: { ...profile.properties, long: 'x'.repeat(300_000) } }) }],
  ])('that return %s are passed over, and the event goes on', async (_title, hooks) => {
    const { commands, notes, persons } = await processing([plugin('bad', hooks)]).run(enrolled('C-1'), enrolled('C-2'));
    expect(notes.map(({ code }) => code)).toEqual(expect.arrayContaining(['PLUGIN_ANSWER_UNUSABLE']));
    expect(persons).toHaveLength(2);
    expect(commands.filter((command) => command.do === 'track').map((command) => 'metric' in command && command.metric)).toEqual(['Wallet Registered', 'Wallet Registered']);
  });

  it('see no token of anybody', async () => {
    const seen: string[] = [];
    const nosy = plugin('nosy', { routeLists: (input) => { seen.push(JSON.stringify(input)); return input.lists; } });
    const { run } = processing([nosy]);
    await run(enrolled());
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toMatch(/token|sealed/);
  });
});
