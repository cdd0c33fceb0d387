import { isOpen } from '#core';
import { sampleDay, type StoryEvent } from '#emulators';
import { keys, lists, startWorld, until, type World } from '../support/running-connector.js';
import { ask, bodyOf, deliver, operate, passTime } from '../support/webhooks.js';

const day = sampleDay({ customers: 20, seed: 5, start: new Date(Date.now() - 12 * 3_600_000).toISOString() });
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
const customerToken = 'customer-token-9f8e7d6c5b4a';
const abroad = { email: 'lucia.fuera@mail.example', phone: '+34612345678' };
const clashing = { email: 'clash.one@mail.example', phone: '+33639989999' };

/** Refused for the region of the phone, for an identifier too long, for what nobody can read, for a phone that is none. */
const trouble: StoryEvent[] = [
  { kind: 'Customer:Upserted', at: minutesAgo(30), identifiers: { customerId: 'C-1', token: customerToken, ...abroad }, account: { ...abroad, firstName: 'Lucía-Fuera', consents_sms: true, consents_email: true } },
  { kind: 'Customer:Upserted', at: minutesAgo(29), identifiers: { customerId: `C-${'9'.repeat(300)}`, email: 'too.long@mail.example' }, account: { firstName: 'Toolongius' } },
  { kind: 'Pass:Installed', at: minutesAgo(28), identifiers: { email: 'no.wallet@mail.example' }, passId: 'p-1', passType: 'loyalty' },
  { kind: 'Customer:Upserted', at: minutesAgo(27), identifiers: { customerId: 'C-3', email: 'bad@@mail.example', phone: '12-not-a-phone-34' }, account: { lastName: 'Unreachableson' } },
  { kind: 'Customer:Upserted', at: minutesAgo(26), identifiers: { customerId: 'C-4', ...clashing }, account: { firstName: 'Clashina', consents_sms: true } },
];

/** Everything of the people and everything secret that was told, in every spelling it was told in. */
function secrets(): string[] {
  const people = [...day, ...trouble].flatMap(({ identifiers, account }) => [...Object.values(identifiers), ...['email', 'phoneNumber', 'lastName'].flatMap((field) => account?.[field] ?? [])]);
  const names = trouble.flatMap(({ account }) => account?.['firstName'] ?? []);
  return [...new Set([...people, ...names, ...Object.values(keys), customerToken].map(String))].filter((value) => value.length > 4);
}

describe('in the logs, the metrics and the error answers', () => {
  let world: World;
  const answers: string[] = [];
  const keep = async (answer: ReturnType<typeof ask>) => void answers.push((await answer).text);

  beforeAll(async () => {
    const countries = ['+33'];
    world = await startWorld({
      timeoutMs: 1_000,
      tenant: { identity: { externalId: ['customerId'] } },
      klaviyo: { accounts: { [keys.klaviyo]: { supportsSms: countries, lists: [{ id: lists.newsletter, name: 'Newsletter' }, { id: lists.sms, name: 'SMS' }] } } },
    });
    const inKlaviyo = (attributes: object) => ask(`${world.klaviyo.url}/api/profile-import`, { method: 'POST', headers: { authorization: `Klaviyo-API-Key ${keys.klaviyo}`, revision: '2026-07-15', 'content-type': 'application/vnd.api+json' }, body: JSON.stringify({ data: { type: 'profile', attributes } }) });
    // Two profiles own what is one person's here: a 409 for whoever names both.
    await inKlaviyo({ email: clashing.email });
    await inKlaviyo({ phone_number: clashing.phone });

    world.klaviyo.faults.set([
      { kind: 'status', status: 503, times: 2 }, { kind: 'status', status: 525, times: 1 }, { kind: 'status', status: 403, html: true, times: 1 },
      { kind: 'status', status: 429, retryAfter: 1, times: 2 }, { kind: 'status', status: 401, times: 1 }, { kind: 'hang', times: 1 }, { kind: 'reset', times: 1 },
      { kind: 'drop', times: 2 }, { kind: 'malformed', times: 2 },
    ]);
    await world.tell(day, { concurrency: 16, duplicates: 0.2, reorder: true });
    await world.tell(trouble);
    for (const body of ['', '{"email":"clash.one@mail.example"', JSON.stringify({ email: clashing.email, phone: clashing.phone })]) await keep(deliver(world.hook, body));
    await keep(deliver(world.hook, bodyOf(trouble[0]!, 'unsigned'), { secret: 'not-the-secret' }));
    await keep(deliver(world.hookOf('nobody'), bodyOf(trouble[0]!, 'nobody')));
    await keep(deliver(world.hook, bodyOf({ ...trouble[0]!, metadata: { note: abroad.email.repeat(60_000) } }, 'large')));
    await keep(operate(world.url, 'parked', 'GET', `${keys.operations}-not`));
    await keep(ask(`${world.url}/api/acme/persons/${abroad.email}?key=${keys.klaviyo}`));
    await keep(ask(`${world.url}/health/dependencies`));
    const drained = () =>
      until(async () => {
        await passTime(world.databaseUrl, 1);
        return world.klaviyo.faults.report().every(({ hits, rule }) => hits === rule.times) && (await world.opened.store.commandCounts('acme')).every((command) => !isOpen(command));
      });
    await drained();
    // A lone event goes by a call of its own, and is refused for good.
    world.klaviyo.faults.set([{ kind: 'status', status: 400, operation: 'create_event', times: 1 }]);
    await world.tell([{ kind: 'Pass:Updated', at: minutesAgo(1), identifiers: { customerId: 'C-1', ...abroad }, passId: 'pass-abroad', passType: 'loyalty' }]);
    await drained();
    await world.quiet();
    await keep(ask(`${world.url}/health/dependencies`));
  }, 100_000);
  afterAll(() => world.stop());

  it('there was much to betray: refusals, conflicts, outages, unreadable and unsigned bodies', async () => {
    const { operations } = world.klaviyo.stats();
    const statuses = new Set(Object.values(operations).flatMap(({ byStatus }) => Object.keys(byStatus)));
    expect([...statuses]).toEqual(expect.arrayContaining(['400', '401', '403', '429', '503', '525', 'hang', 'reset', 'drop']));
    const codes = (await world.opened.store.parked('acme', 100)).map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(['KLAVIYO_REFUSED_ITEM', 'WALLET_UNKNOWN', 'BODY_NOT_JSON', 'EVENT_UNREADABLE']));
    expect(secrets().length).toBeGreaterThan(80);
    expect(world.logs.length).toBeGreaterThan(5);
  });

  it('stands nobody\'s e-mail, phone, name, id or token, and no key or secret', async () => {
    const metrics = (await ask(`${world.url}/metrics`)).text;
    const everything = [...world.logs, metrics, ...answers].join('\n');
    // Which value it was must not be printed either.
    expect(secrets().filter((value) => everything.includes(value) || everything.includes(encodeURIComponent(value))).map((value) => `${value.slice(0, 2)}… (${value.length})`)).toEqual([]);
    expect(/[\w.]+@mail\.example/.test(everything)).toBe(false);
  });

  it('the words Klaviyo refused something with are kept, without the values it quotes', async () => {
    const words = JSON.stringify(await world.opened.store.parked('acme', 100));
    expect(words).toMatch(/region|255 characters/);
    expect(secrets().filter((value) => words.includes(value)).map((value) => `${value.slice(0, 2)}… (${value.length})`)).toEqual([]);
  });

  it('stands no stack trace', () => {
    expect([...world.logs, ...answers].filter((line) => /\n\s+at |node_modules|\.(ts|js):\d+/.test(line))).toEqual([]);
  });
});
