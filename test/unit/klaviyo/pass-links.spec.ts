import type { Answer, Command, MarketingLane, Outgoing, Slot } from '#core';
import { adapter, answer, errorBody, GlassVault, type Handler, outgoing, track, update, vendor } from './fakes.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const token = 'opaque/token+of=Ana-4711';
const encoded = encodeURIComponent(token);
const sealed = new GlassVault().seal(token);
const links = { 'neostore.link.enrolment': 'https://acme.example/mail?layout=b', 'neostore.link.pass': 'https://acme.example/mail/confirm#card' };
const ownEvent = (more: object = {}) => outgoing({ ...track('u1'), token: sealed, ...more });
const ownProfile = (more: object = {}) => outgoing({ ...update(), token: sealed, ...more });

async function send(lane: MarketingLane, commands: Outgoing<Command>[], handler: Handler = (_, response) => answer(response, 202, { data: { id: 'job-1' } }), waiting = commands.length) {
  const server = await vendor(handler);
  const { marketing, log } = adapter(server.url);
  closing.push(() => marketing.close(), server.close);
  const slot = (await marketing.slot('shop', lane, waiting)) as Slot;
  return { answers: await slot.send(commands), received: server.received, log };
}

const propertiesOf = (body: unknown): unknown => (body as { data: { attributes: { properties: unknown } } }).data.attributes.properties;
const wordsOf = (answers: Answer[]) => answers.map(({ words }) => words).join();

describe('The token of pass links', () => {
  it('reaches the profile under the name The Wallet Crew documents, whole', async () => {
    const { received } = await send('upsert-profile', [ownProfile()]);
    expect(propertiesOf(received[0]!.body)).toEqual({ 'neostore.wallet.loyaltyCard.Apple': 'Installed', 'neostore.authenticationToken': token });
  });

  it('is in each address that the profile is to carry, beside what the address says itself', async () => {
    const { received } = await send('upsert-profile', [ownProfile({ links })]);
    expect(propertiesOf(received[0]!.body)).toMatchObject({
      'neostore.link.enrolment': `https://acme.example/mail?layout=b&neo.authToken=${encoded}`,
      'neostore.link.pass': `https://acme.example/mail/confirm?neo.authToken=${encoded}#card`,
    });
  });

  it('reaches an event that carries its own', async () => {
    const { received } = await send('track', [ownEvent()]);
    expect(propertiesOf(received[0]!.body)).toEqual({ 'neostore.pass': 'p1', 'neostore.authenticationToken': token });
  });

  it('goes in bulk as well', async () => {
    const bulk = [await send('upsert-profile', [ownProfile({ links })], undefined, 500), await send('track', [ownEvent()], undefined, 500)];
    expect(bulk.map(({ received }) => received[0]!.path)).toEqual(['/api/profile-bulk-import-jobs', '/api/event-bulk-create-jobs']);
    for (const { received } of bulk) {
      expect(received[0]!.text).toContain(JSON.stringify(token));
      expect(received[0]!.text).not.toContain(sealed);
    }
  });

  it.each(['upsert-profile', 'track'] as const)('that no key opens is left out of a %s, and its links with it', async (lane) => {
    const command = lane === 'track' ? ownEvent({ token: 'of-another-key' }) : ownProfile({ token: 'of-another-key', links });
    const { answers, received } = await send(lane, [command]);
    expect(answers[0]!.outcome).toBe('accepted');
    expect(received[0]!.text).not.toMatch(/authenticationToken|of-another-key|neostore\.link/);
  });

  it('without which a profile has no links either', async () => {
    const { received } = await send('upsert-profile', [outgoing({ ...update(), links })]);
    expect(received[0]!.text).not.toContain('neostore.link');
  });

  it.each<['upsert-profile' | 'track', () => Outgoing<Command>, number]>([
    ['upsert-profile', () => ownProfile({ links }), 1],
    ['upsert-profile', () => ownProfile({ links }), 500],
    ['track', () => ownEvent(), 1],
    ['track', () => ownEvent(), 500],
  ])('stays out of the words when Klaviyo quotes it: %s (%#)', async (lane, command, waiting) => {
    const link = `https://acme.example/mail?layout=b&neo.authToken=${encoded}`;
    const refuse: Handler = (_, response) => answer(response, 400, errorBody(400, 'invalid', '/data/attributes/properties', `The values ${token} and ${link} and ${link.slice(0, -4)} and eyJhbGciOiJIUzI1NiJ9.eyJzdWIi are not usable.`));
    const { answers, log } = await send(lane, [command()], refuse, waiting);
    expect(answers[0]).toMatchObject({ outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM' });
    expect(wordsOf(answers)).toContain('are not usable');
    for (const part of [token, encoded, encoded.slice(0, -4), 'eyJ', sealed]) expect(wordsOf(answers) + log.lines.join()).not.toContain(part);
  });

  it('counts when a profile or an event is measured', async () => {
    const long = new GlassVault().seal('t'.repeat(40_000));
    const { answers, received } = await send('upsert-profile', [ownProfile({ token: long, links })]);
    expect(answers[0]).toMatchObject({ outcome: 'refused', code: 'KLAVIYO_ITEM_TOO_LARGE' });
    expect((await send('track', [ownEvent({ token: new GlassVault().seal('t'.repeat(120_000)) })])).answers[0]).toMatchObject({ outcome: 'refused', code: 'KLAVIYO_ITEM_TOO_LARGE' });
    expect(received).toEqual([]);
  });

  it('never makes one bulk request longer than Klaviyo takes', async () => {
    const many = Array.from({ length: 400 }, (_, n) => ({ ...ownProfile({ token: new GlassVault().seal(`${n}-${'t'.repeat(6_000)}`), links }), id: `p-${n}` }));
    const { answers, received } = await send('upsert-profile', many, undefined, 10_000);
    expect(answers.map(({ outcome }) => outcome)).toEqual(many.map(() => 'importing'));
    expect(received.length).toBeGreaterThan(1);
    for (const { text } of received) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(5_000_000);
  });
});
