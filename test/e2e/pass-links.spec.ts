import type { Page } from 'playwright-core';
import { renderTemplate, type HeldProfile } from '#emulators';
import { openBrowser, type OpenBrowser } from '../support/browser.js';
import { keys, startWorld, until, type World } from '../support/running-connector.js';
import { ask, operate } from '../support/webhooks.js';

const at = '2026-11-20T09:00:00Z';
const ana = { email: 'ana@mail.example', customerId: 'C-1' };
const syncBody = `{ "profileId": "{{ person.KlaviyoID }}", "email": "{{ person.email }}", "phone": "{{ person.phone_number|default:'' }}", "externalId": "{{ person.external_id|default:'' }}" }`;

interface Snippets {
  tokenOn: string;
  pages: { page: string; snippets: Record<'email' | 'sms', string> }[];
}

let chromium: OpenBrowser;
beforeAll(async () => {
  chromium = await openBrowser();
}, 120_000);
afterAll(() => chromium.close());

/** A world whose tenant has pass links; The Wallet Crew holds Ana with a card, Klaviyo knows only her address. */
async function open(links: object): Promise<World> {
  const world = await startWorld({ tenant: { links } });
  world.walletCrew.subscribe({ endpoint: world.hook, signatureSecret: keys.webhookSecret, events: ['Pass:*', 'Customer:*'] });
  world.walletCrew.hold([
    { kind: 'Customer:Upserted', at, identifiers: ana, account: { ...ana, firstName: 'Ana' } },
    { kind: 'Pass:Created', at, identifiers: ana, passId: 'pass-of-ana', passType: 'loyalty' },
  ]);
  return world;
}

const syncPath = 'api/acme/webhooks/listeners/klaviyo/profiles/sync';
const sync = (world: World) =>
  world.klaviyo.sendFlowWebhook({ url: `${world.url}/${syncPath}`, headers: { 'X-API-KEY': keys.walletCrew }, body: syncBody, profile: { email: ana.email } });
const tokenOfAna = (world: World) => world.walletCrew.customer(ana)!.token;
const snippetsOf = async (world: World) => (await operate(world.url, 'links')).json as unknown as Snippets;
const linkFor = ({ pages }: Snippets, name: string, scope: { person?: unknown; event?: unknown }) => renderTemplate(pages.find(({ page }) => page === name)!.snippets.email, scope);
const held = (world: World): HeldProfile => world.klaviyo.profile({ email: ana.email })!;

async function visit(address: string): Promise<Page> {
  const page = await (await chromium.browser.newContext()).newPage();
  await page.goto(address);
  return page;
}

/** The token was asked for, and no part of it is in a log line. */
function expectNoTokenInLogs(world: World): void {
  expect(world.walletCrew.requests('authenticate_customer').length).toBeGreaterThan(0);
  const token = tokenOfAna(world);
  for (const part of [token, ...token.split('.').slice(1)]) expect(world.logs.join('\n')).not.toContain(part);
}

describe('a link in a message', () => {
  let world: World;
  beforeAll(async () => {
    world = await open({});
    await ask(`${world.klaviyo.url}/api/profile-import`, {
      method: 'POST',
      headers: { 'authorization': `Klaviyo-API-Key ${keys.klaviyo}`, 'revision': '2026-07-15', 'content-type': 'application/vnd.api+json' },
      body: JSON.stringify({ data: { type: 'profile', attributes: { email: ana.email } } }),
    });
    expect((await sync(world)).outcome).toBe('delivered');
    await world.quiet();
  }, 90_000);
  afterAll(() => world.stop());

  it('opens the enrolment page for the person it was sent to, and for nobody else', async () => {
    expect(held(world).properties['neostore.authenticationToken']).toBe(tokenOfAna(world));
    const link = linkFor(await snippetsOf(world), 'enrolment', { person: held(world).properties });
    expect(link).toBe(`${world.walletCrew.url}/acme/mail?neo.authToken=${tokenOfAna(world)}`);
    const page = await visit(link);
    expect(await page.textContent('h1')).toBe('Welcome, Ana');
    const stranger = await visit(linkFor(await snippetsOf(world), 'enrolment', { person: {} }));
    expect(await stranger.textContent('h1')).toBe('This link is not valid');
  });

  it('opens the pass, and one tap later the segment knows that it is installed', async () => {
    expect(held(world).properties['neostore.wallet.loyaltyCard.Apple']).toBe('NotInstalled');
    const page = await visit(linkFor(await snippetsOf(world), 'pass', { person: held(world).properties }));
    expect(await page.textContent('h1')).toBe('Your pass, Ana');
    await page.getByRole('button', { name: 'Add to Apple Wallet' }).click();
    expect(await page.getByRole('button', { name: 'Remove from Apple Wallet' }).count()).toBe(1);
    await until(() => held(world).properties['neostore.wallet.loyaltyCard.Apple'] === 'Installed');
    // The event and the profile travel in lanes of their own; either may be there first.
    await until(() => world.klaviyo.events({ email: ana.email }).some(({ metric }) => metric === 'Wallet Pass Installed'));
  });

  it('leaves its token in no log line, and in no record that an operator sees', async () => {
    expectNoTokenInLogs(world);
    const { json } = await ask(`${world.url}/${syncPath}`, { method: 'POST', headers: { 'x-api-key': keys.walletCrew }, body: JSON.stringify({ email: ana.email }) });
    await world.quiet();
    const record = await operate(world.url, `deliveries/${String(json['id'])}`);
    expect(record.json).toMatchObject({ status: 'processed' });
    expect(record.text).not.toContain(tokenOfAna(world));
  });
});

describe('a link whose whole address is on the profile', () => {
  let world: World;
  beforeAll(async () => {
    world = await open({ asProperties: true, passPath: '/{tenantId}/mail/confirm?utm_source=klaviyo' });
    await sync(world);
    await world.quiet();
  }, 90_000);
  afterAll(() => world.stop());

  it('needs nothing but its name in the template', async () => {
    const snippets = await snippetsOf(world);
    expect(snippets.pages.map(({ snippets: { sms } }) => sms)).toEqual([`{{ person|lookup:'neostore.link.enrolment' }}`, `{{ person|lookup:'neostore.link.pass' }}`]);
    const link = linkFor(snippets, 'pass', { person: held(world).properties });
    expect(new URL(link).searchParams.get('utm_source')).toBe('klaviyo');
    expect(await (await visit(link)).textContent('h1')).toBe('Your pass, Ana');
    expectNoTokenInLogs(world);
  });
});

describe('a link whose token came with the event', () => {
  let world: World;
  beforeAll(async () => {
    world = await open({ tokenOn: 'event' });
    await world.tell([{ kind: 'Pass:Installed', at, identifiers: ana, passId: 'pass-of-ana', passType: 'loyalty', device: 'google' }]);
    await world.quiet();
  }, 90_000);
  afterAll(() => world.stop());

  it('works in the flow of that event, and leaves nothing on the profile', async () => {
    const [event] = world.klaviyo.events({ email: ana.email }).filter(({ metric }) => metric === 'Wallet Pass Installed');
    const link = linkFor(await snippetsOf(world), 'pass', { person: held(world).properties, event: event!.properties });
    const page = await visit(link);
    expect(await page.textContent('h1')).toBe('Your pass, Ana');
    expect(await page.getByRole('button', { name: 'Remove from Google Wallet' }).count()).toBe(1);
    expect(JSON.stringify(held(world).properties)).not.toContain(tokenOfAna(world));
    expectNoTokenInLogs(world);
  });
});
