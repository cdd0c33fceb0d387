import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { aPerson, askHook, startTestWorld, type TestWorld } from 'wallet-crew-klaviyo-connector/testing';
import plugin from './index.js';

const profile = { attributes: {}, properties: { points: 12 } };

describe('PLUGIN_NAME', () => {
  it('writes the store to the property of its name', async () => {
    const person = aPerson({ metadata: { storeId: 'Lyon' } });
    assert.deepEqual(await askHook(plugin, 'mapProfile', { person, profile }, { property: 'Store' }), { attributes: {}, properties: { points: 12, Store: 'Lyon' } });
  });

  it('changes nothing when no store is known', async () => {
    assert.deepEqual(await askHook(plugin, 'mapProfile', { person: aPerson(), profile }), profile);
  });

  it('refuses a property without a name', async () => {
    await assert.rejects(askHook(plugin, 'mapProfile', { person: aPerson(), profile }, { property: '' }), /settings\.property/);
  });
});

describe('PLUGIN_NAME in the whole connector', () => {
  let world: TestWorld;
  before(async () => {
    world = await startTestWorld({ plugins: [{ use: './dist/index.js', settings: { property: 'Store' } }] });
  });
  after(() => world.stop());

  it('reaches Klaviyo', async () => {
    await world.tell({ kind: 'Customer:Registered', at: new Date().toISOString(), identifiers: { email: 'ana@mail.example' }, metadata: { storeId: 'Lyon' } });
    assert.equal(world.klaviyo.profile({ email: 'ana@mail.example' })?.properties['Store'], 'Lyon');
  });
});
