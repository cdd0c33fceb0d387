import { askHook } from '#isolate';
import profileMapper from '../../../libs/plugins/src/profile-mapper.js';
import { aPerson } from './samples.js';

const profile = { attributes: { firstName: 'Ana' }, properties: { 'neostore.wallet.loyaltyCard.Apple': 'Installed' } };
const map = (person: object, settings: Record<string, unknown>) => askHook(profileMapper, 'mapProfile', { person: aPerson(person), profile }, settings);

describe('the profile mapper', () => {
  it('writes what is known to Klaviyo\'s own fields and to properties, beside what is there', async () => {
    const person = { account: { city: 'Lyon', zip: 69001 }, metadata: { loyaltyTier: 'gold', points: 120, vip: false }, identifiers: { customerId: 'C-1' }, locale: 'fr-FR' };
    expect(await map(person, { attributes: { city: 'account.city', zip: 'account.zip' }, properties: { 'Loyalty tier': 'metadata.loyaltyTier', 'points': 'metadata.points', 'vip': 'metadata.vip', 'id': 'identifiers.customerId', 'language': 'language' } })).toEqual({
      attributes: { firstName: 'Ana', city: 'Lyon', zip: '69001' },
      properties: { ...profile.properties, 'Loyalty tier': 'gold', 'points': 120, 'vip': false, 'id': 'C-1', 'language': 'fr' },
    });
  });

  it('writes over what stands there, when it is told to', async () => {
    expect(await map({ account: { nickname: 'Annie' } }, { attributes: { firstName: 'account.nickname' } })).toMatchObject({ attributes: { firstName: 'Annie' } });
  });

  it.each([{}, { account: { city: '' } }])('leaves the profile as it is where nothing is known: %j', async (person) => {
    expect(await map(person, { attributes: { city: 'account.city' }, properties: { tier: 'metadata.tier' } })).toEqual(profile);
  });
});
