import { KlaviyoAccounts, KlaviyoMarketing } from '#klaviyo';
import { MemoryPermits } from '../../support/memory-permits.js';
import { answer, GlassVault, type Handler, KeptLog, KeptMeter, ManualClock, settingsFor, vendor } from './fakes.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const well: Handler = (_, response) => answer(response, 200, { data: [{ type: 'account', id: 'A', attributes: { test_account: true } }] });
const blocked: Handler = (_, response) => answer(response, 403, '<html>blocked</html>', { 'content-type': 'text/html' });

/** Processes of tenants that all have the same account. */
async function against(handler: Handler) {
  const { url, received, close } = await vendor(handler);
  closing.push(close);
  const clock = new ManualClock();
  const permits = new MemoryPermits(clock);
  const process = () => {
    const accounts = new KlaviyoAccounts({ settingsOf: () => settingsFor(url), permits, vaultOf: () => new GlassVault(), clock, log: new KeptLog(), meter: new KeptMeter() });
    closing.push(() => accounts.close());
    return new KlaviyoMarketing(accounts);
  };
  return { marketing: process(), process, received, clock };
}

describe('The health question', () => {
  it('is asked once a minute', async () => {
    const { marketing, received, clock } = await against(well);
    expect(await marketing.ping('shop')).toEqual({ ok: true, words: 'Klaviyo answers; it is a test account.' });
    await marketing.ping('shop');
    expect(received).toHaveLength(1);
    clock.at += 60_000;
    await marketing.ping('shop');
    expect(received).toHaveLength(2);
  });

  it('says what is wrong', async () => {
    const { marketing } = await against(blocked);
    expect(await marketing.ping('shop')).toEqual({ ok: false, words: expect.stringContaining('KLAVIYO_BLOCKED') as string });
  });

  it('is asked once for all tenants of one account', async () => {
    const { marketing, received } = await against(well);
    const pongs = await Promise.all(['shop', 'outlet', 'club'].map((tenant) => marketing.ping(tenant)));
    expect(new Set(pongs.map(({ ok, words }) => `${ok} ${words}`))).toEqual(new Set(['true Klaviyo answers; it is a test account.']));
    expect(received).toHaveLength(1);
  });

  it('calls nobody down whom only our own limit keeps from being asked', async () => {
    const { marketing, process, received } = await against(well);
    await marketing.ping('shop');
    expect(await process().ping('shop')).toEqual({ ok: true, words: 'Not asked yet: Klaviyo allows this question 15 times a minute.' });
    expect(received).toHaveLength(1);
  });

  it('is answered as the last time while our own limit keeps it from being asked', async () => {
    let answers = well;
    const { marketing, process, clock, received } = await against((...asked) => answers(...asked));
    await marketing.ping('shop');
    clock.at += 60_000;
    answers = (_, response) => answer(response, 200, { data: [] });
    expect(await process().ping('shop')).toEqual({ ok: true, words: 'Klaviyo answers.' });
    expect(await marketing.ping('shop')).toEqual({ ok: true, words: 'Klaviyo answers; it is a test account.' });
    expect(received).toHaveLength(2);
  });
});
