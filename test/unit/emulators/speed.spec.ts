import { startKlaviyo } from '#emulators';
import { closing } from './support/closing.js';
import { bulkEvents, importBody, klaviyoCaller } from './support/klaviyo-client.js';

test('a thousand events are taken in well under a second, and a large account is read quickly page by page', async () => {
  const klaviyo = closing(await startKlaviyo({ limits: 'off', delays: { events: 0, imports: 0 } }));
  const call = klaviyoCaller(klaviyo.url);
  const people = Array.from({ length: 50_000 }, (_, n) => ({ external_id: `C-${n}`, email: `p${n}@mail.example`, properties: { 'neostore.wallet.loyaltyCard.Apple': 'Installed' } }));
  for (let from = 0; from < people.length; from += 10_000) await call('POST', '/api/profile-bulk-import-jobs', importBody(people.slice(from, from + 10_000)));
  await klaviyo.settle();
  expect(klaviyo.profileCount()).toBe(50_000);

  const batches = Array.from({ length: 5 }, (_, b) => JSON.stringify(bulkEvents(Array.from({ length: 1000 }, (_, n) => ({ profile: { external_id: `C-${b * 1000 + n}` }, events: [{ unique_id: `u${b}-${n}`, properties: { passId: `p${n}`, device: 'apple' } }] })))));
  const times: number[] = [];
  for (const batch of batches) {
    const started = performance.now();
    expect((await call('POST', '/api/event-bulk-create-jobs', batch)).status).toBe(202);
    await klaviyo.settle();
    times.push(performance.now() - started);
  }
  // Typically 15 ms; the bound leaves room for a busy machine.
  expect(Math.min(...times)).toBeLessThan(250);

  const started = performance.now();
  let url: string | null = `${klaviyo.url}/api/profiles?page[size]=100&sort=updated`;
  for (let pages = 0; url && pages < 50; pages++) url = (await call('GET', url)).body.links.next;
  expect((performance.now() - started) / 50).toBeLessThan(100);
});
