import { createHmac } from 'node:crypto';
import { sampleDay, type StoryEvent, startWalletCrew, type WalletCrewEmulator } from '#emulators';
import { startReceiver } from './support/receiver.js';

let walletCrew: WalletCrewEmulator;
beforeEach(async () => void (walletCrew = await startWalletCrew()));
afterEach(() => walletCrew.close());

const secret = 's'.repeat(64);
const installed: StoryEvent = { kind: 'Pass:Installed', at: '2026-09-04T10:00:00.000Z', passId: 'KlnqcxVLA9pS4ol5', passType: 'loyalty', passKind: 'customerCard', device: 'apple', identifiers: { customerId: 'C-1' }, additionalInformation: { activeRegistrationCount: 1 } };

test('a webhook is signed over its raw body and goes to everyone who asked for it', async () => {
  const receiver = await startReceiver();
  walletCrew.subscribe({ endpoint: receiver.url, events: ['Pass:*'], signatureSecret: secret });
  walletCrew.subscribe({ endpoint: receiver.url, events: ['pass.installed'], signatureSecret: secret });
  walletCrew.subscribe({ endpoint: receiver.url, events: ['Customer:*'], signatureSecret: secret });
  walletCrew.subscribe({ endpoint: receiver.url, events: ['*'], signatureSecret: secret, enabled: false });
  expect(await walletCrew.send(installed)).toMatchObject({ delivered: 2, failed: 0 });
  expect(receiver.received).toHaveLength(2);
  const [{ headers, raw, body }] = receiver.received as [(typeof receiver.received)[0]];
  expect(headers['x-neostore-signature']).toBe(createHmac('sha256', secret).update(raw).digest('hex'));
  expect(body).toEqual({
    id: expect.any(String), event: 'Pass:Installed', tenantId: 'acme', timestamp: '2026-09-04T10:00:00.000Z',
    data: { passId: 'KlnqcxVLA9pS4ol5', passType: 'loyalty', passKind: 'customerCard', device: 'apple', identifiers: { customerId: 'C-1' }, additionalInformation: { activeRegistrationCount: 1 } },
  });
});

test('the envelope and the signature come in every form the vendor leaves open', async () => {
  const receiver = await startReceiver();
  const to = { url: receiver.url, secret };
  await walletCrew.send(installed, { to, signature: 'base64', envelope: { nameKey: 'eventType', names: 'dot', id: false, shape: 'flat' } });
  await walletCrew.send(installed, { to, signature: 'HEX' });
  const [flat, upper] = receiver.received;
  expect(flat!.body).toEqual({ eventType: 'pass.installed', tenantId: 'acme', timestamp: '2026-09-04T10:00:00.000Z', passId: 'KlnqcxVLA9pS4ol5', passType: 'loyalty', passKind: 'customerCard', device: 'apple', identifiers: { customerId: 'C-1' }, activeRegistrationCount: 1 });
  expect(flat!.headers['x-neostore-signature']).toBe(createHmac('sha256', secret).update(flat!.raw).digest('base64'));
  expect(upper!.headers['x-neostore-signature']).toBe(createHmac('sha256', secret).update(upper!.raw).digest('hex').toUpperCase());
});

test('a failing or silent receiver is tried again, then given up', async () => {
  const receiver = await startReceiver((_, count) => (count === 1 ? 503 : count === 2 ? 'hang' : 200));
  const to = { url: receiver.url, secret };
  const report = await walletCrew.send(installed, { to, backoff: () => 1, timeoutMs: 400 });
  expect(report).toMatchObject({ delivered: 1, tries: 3, deliveries: [{ statuses: [503, 0, 200] }] });
  await receiver.close();
  expect(await walletCrew.send(installed, { to, backoff: () => 1, maxTries: 2 })).toMatchObject({ failed: 1, tries: 2 });
});

test('duplicates and disorder are repeatable: the same seed plays the same deliveries', async () => {
  const story = sampleDay({ customers: 10 });
  const play = async () => {
    const receiver = await startReceiver();
    await walletCrew.play(story, { to: { url: receiver.url, secret }, duplicates: 0.3, reorder: true, seed: 5, concurrency: 1 });
    await receiver.close();
    return receiver.received.map(({ body }) => body.id as string);
  };
  const first = await play();
  expect(await play()).toEqual(first);
  expect(first.length).toBeGreaterThan(story.length);
  expect(new Set(first).size).toBe(story.length);
});

test('a sample day is plausible, in order, and the same for the same seed', () => {
  const day = sampleDay({ customers: 200, seed: 3 });
  expect(sampleDay({ customers: 200, seed: 3 })).toEqual(day);
  expect(sampleDay({ customers: 200, seed: 4 })).not.toEqual(day);
  expect(day.map(({ at }) => at)).toEqual(day.map(({ at }) => at).toSorted());
  expect(new Set(day.map(({ kind }) => kind))).toEqual(new Set(['Customer:Upserted', 'Customer:Updated', 'Pass:Created', 'Pass:Installed', 'Pass:Updated', 'Pass:Uninstalled', 'Redirect:Redirected']));
  expect(day.every(({ identifiers }) => identifiers['email']!.endsWith('@mail.example'))).toBe(true);
  const of = (kind: string) => day.filter((event) => event.kind === kind);
  expect(of('Customer:Upserted')).toHaveLength(200);
  expect(new Set(of('Pass:Installed').map(({ device }) => device))).toEqual(new Set(['apple', 'google']));
  expect(of('Pass:Installed').some(({ additionalInformation }) => additionalInformation!.activeRegistrationCount === 2)).toBe(true);
  expect(of('Pass:Uninstalled').some(({ additionalInformation }) => additionalInformation!.activeRegistrationCount === 1)).toBe(true);
  expect(new Set(of('Customer:Upserted').map(({ account }) => account!['consents_email']))).toEqual(new Set([true, false, undefined]));
});

test('after a day has been played the API shows its customers, passes and wallets', async () => {
  const day = walletCrew.sampleDay({ customers: 40 });
  await walletCrew.play(day);
  expect(walletCrew.customers()).toHaveLength(40);
  expect(walletCrew.passes()).toHaveLength(40);
  const wallets = new Map<string, Set<string>>();
  for (const { kind, passId, device, additionalInformation } of day) {
    if (!device || !passId) continue;
    const held = wallets.get(passId) ?? new Set();
    if (kind === 'Pass:Installed' || additionalInformation!.activeRegistrationCount! > 0) held.add(device);
    else held.delete(device);
    wallets.set(passId, held);
  }
  for (const { id, providers } of walletCrew.passes()) expect(new Set(Object.keys(providers))).toEqual(wallets.get(id) ?? new Set());
});

test('what an API call or a tap on the pass page changes is told to subscribers too', async () => {
  const receiver = await startReceiver();
  walletCrew.hold([{ kind: 'Customer:Upserted', at: '2026-09-04T10:00:00Z', identifiers: { customerId: 'C-1' }, account: {} }]);
  walletCrew.subscribe({ endpoint: receiver.url, signatureSecret: secret });
  const created = await fetch(`${walletCrew.url}/api/acme/passes?passType=loyalty`, { method: 'POST', headers: { 'X-API-KEY': 'wc_test', 'content-type': 'application/json' }, body: JSON.stringify({ identifiers: { customerId: 'C-1' } }) });
  const passId = await created.text();
  const { token } = walletCrew.customer({ customerId: 'C-1' })!;
  await fetch(`${walletCrew.url}/acme/mail/tap?neo.authToken=${token}`, { method: 'POST', body: new URLSearchParams({ passId, device: 'google' }), redirect: 'manual' });
  await walletCrew.settle();
  expect(receiver.received.map(({ body }) => body.event).toSorted()).toEqual(['Pass:Created', 'Pass:Installed']);
  expect(Object.keys(walletCrew.pass({ id: passId })!.providers)).toEqual(['google']);
});
