import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { aPerson, askHook, startTestWorld, type TestWorld } from 'wallet-crew-klaviyo-connector/testing';
import plugin from './index.js';

const settings = {
  stores: [
    { id: 'geneva', languages: { fr: 'GVAFR1', de: 'GVADE1' }, otherwise: 'GVAEN1' },
    { id: 'lyon', otherwise: 'LYONFR' },
  ],
};
const usual = { consent: 'consents_email', list: 'NEWS01' };
const lists = (person: Parameters<typeof aPerson>[0]) => askHook(plugin, 'routeLists', { person: aPerson(person), lists: [usual] }, settings);

describe('store-lists', () => {
  for (const [locale, list] of [['fr-CH', 'GVAFR1'], ['de', 'GVADE1'], ['it-CH', 'GVAEN1']] as const) {
    it(`sends a ${locale} customer of Geneva to ${list}`, async () => {
      assert.deepEqual(await lists({ locale, metadata: { storeId: 'geneva' }, consents: { consents_email: true } }), [{ consent: 'consents_email', list }]);
    });
  }

  it('leaves everybody else where they were', async () => {
    assert.deepEqual(await lists({ metadata: { storeId: 'paris' }, consents: { consents_email: true } }), [usual]);
    assert.deepEqual(await lists({ metadata: { storeId: 'geneva' }, consents: { consents_email: false } }), [usual]);
  });

  it('names the setting that is wrong', async () => {
    await assert.rejects(askHook(plugin, 'routeLists', { person: aPerson(), lists: [] }, { stores: [{ id: 'lyon', otherwise: 'no list' }] }), /settings\.stores\[0\]\.otherwise: otherwise must be the id of a Klaviyo list/);
  });
});

describe('store-lists in the whole connector', () => {
  let world: TestWorld;
  before(async () => {
    world = await startTestWorld({ plugins: [{ use: './dist/index.js', settings }], lists: ['GVAFR1', 'GVADE1', 'GVAEN1', 'LYONFR'] });
  });
  after(() => world.stop());

  const listsOf = (email: string) => world.klaviyo.profile({ email })?.lists.map(({ id }) => id);
  const registers = (email: string, consents_email: boolean, storeId: string, locale: string) =>
    world.tell({ kind: 'Customer:Registered', at: new Date().toISOString(), identifiers: { email }, metadata: { storeId }, account: { email, locale, consents_email } });

  it('a customer who said yes is on the list of store and language, and on no other', async () => {
    await registers('ana@mail.example', true, 'geneva', 'fr-CH');
    assert.deepEqual(listsOf('ana@mail.example'), ['GVAFR1']);
  });

  it('a customer who said no is on none', async () => {
    await registers('ben@mail.example', false, 'geneva', 'fr-CH');
    assert.deepEqual(listsOf('ben@mail.example'), []);
  });
});
