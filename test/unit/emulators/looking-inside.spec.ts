import { startKlaviyo, startWalletCrew } from '#emulators';
import { closing } from './support/closing.js';
import { eventBody, klaviyoCaller, profileBody, subscribeBody } from './support/klaviyo-client.js';

test('a person can look at what Klaviyo holds: properties, lists, consent and last events, with nothing a name could inject', async () => {
  const klaviyo = closing(await startKlaviyo({ lists: [{ id: 'NewsLt', name: 'Newsletter <b>' }] }));
  const call = klaviyoCaller(klaviyo.url);
  await call('POST', '/api/profile-import', profileBody({ email: 'ana@mail.example', first_name: '<script>alert(1)</script>', properties: { 'neostore.wallet.loyaltyCard.Apple': 'Installed', '<i>': '"&' } }));
  await call('POST', '/api/events', eventBody({ email: 'ana@mail.example' }, 'Wallet <Pass> Installed'));
  await call('POST', '/api/profile-subscription-bulk-create-jobs', subscribeBody([{ email: 'ana@mail.example' }], { list: 'NewsLt' }));
  await klaviyo.settle();
  const page = await (await fetch(klaviyo.url)).text();
  expect(page).toContain('neostore.wallet.loyaltyCard.Apple');
  expect(page).toContain('Wallet &lt;Pass&gt; Installed');
  expect(page).toContain('Newsletter &lt;b&gt;');
  expect(page).toContain('email: subscribed');
  expect(page).not.toContain('<script>');
  expect(page).not.toContain('<i>');
  expect(await (await fetch(`${klaviyo.url}/?q=nobody`)).text()).toContain('No profile to show');
});

test('another process reads the same as JSON, outside every limit', async () => {
  const klaviyo = closing(await startKlaviyo({ delays: { events: 0 } }));
  const call = klaviyoCaller(klaviyo.url);
  await call('POST', '/api/events', eventBody({ email: 'ana@mail.example', external_id: 'C-1' }, 'X', { unique_id: 'u1' }));
  await klaviyo.settle();
  const read = async (path: string) => (await fetch(`${klaviyo.url}/__emulator/${path}`)).json() as Promise<any>;
  expect(await read('profiles?externalId=C-1')).toMatchObject([{ email: 'ana@mail.example' }]);
  expect(await read('events?email=ana@mail.example')).toMatchObject([{ uniqueId: 'u1' }]);
  expect(await read('flows-triggered')).toHaveLength(1);
  expect(await read('requests')).toMatchObject([{ operation: 'create_event', status: 202, items: 1 }]);
  expect((await read('stats')).operations.create_event.items).toBe(1);
  expect((await fetch(`${klaviyo.url}/__emulator/nothing`)).status).toBe(404);
});

test('a reset forgets data, requests, faults and work under way', async () => {
  const klaviyo = closing(await startKlaviyo({ delays: { events: 30 } }));
  await klaviyoCaller(klaviyo.url)('POST', '/api/events', eventBody({ email: 'ana@mail.example' }, 'X'));
  klaviyo.faults.set([{ kind: 'hang' }]);
  klaviyo.reset();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([klaviyo.profileCount(), klaviyo.requests().length, klaviyo.faults.report().length]).toEqual([0, 0, 0]);
});

test('The Wallet Crew has a page of its own, and its links open the pages a message would lead to', async () => {
  const walletCrew = closing(await startWalletCrew());
  walletCrew.hold(walletCrew.sampleDay({ customers: 3 }));
  const page = await (await fetch(walletCrew.url)).text();
  const [, link] = /href="(\/acme\/mail\/confirm[^"]*)"/.exec(page) ?? [];
  expect((await fetch(walletCrew.url + link)).status).toBe(200);
});
