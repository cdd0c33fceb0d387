import type { WalletEvent } from '#core';
import { askHook } from '#isolate';
import phoneNumbers from '../../../libs/plugins/src/phone-numbers.js';
import { anEvent } from './samples.js';

const match = (event: Partial<WalletEvent>, identifiers: Record<string, string>, settings: Record<string, unknown> = {}) => askHook(phoneNumbers, 'matchPerson', { event: anEvent(event), identifiers }, settings);

describe('phone numbers', () => {
  it.each([
    ['of the pass', { metadata: { country: 'GB' }, identifiers: { phone: '07911 123456' } }, '+447911123456'],
    ['of the account, in either case', { account: { country: 'be' }, identifiers: { phone: '0470 12 34 56' } }, '+32470123456'],
    ['of the locale', { attributes: { locale: 'fr-CH' }, identifiers: { phone: '078 123 45 67' } }, '+41781234567'],
    ['of last resort', { identifiers: { phone: '06 12 34 56 78' } }, '+33612345678'],
    ['of last resort, where another is no country', { metadata: { country: 'Frankreich' }, attributes: { locale: 'fr' }, identifiers: { phone: '06 12 34 56 78' } }, '+33612345678'],
    ['that the number names itself', { metadata: { country: 'GB' }, identifiers: { phone: '+33 6 12 34 56 78' } }, '+33612345678'],
  ])('are read in the country %s', async (_which, event, phone) => {
    expect(await match(event, { customerId: 'C-1' }, { otherwise: 'FR' })).toEqual({ customerId: 'C-1', phone });
  });

  it('are found where the tenant keeps them', async () => {
    expect(await match({ account: { telephone: '06 12 34 56 78', land: 'FR' } }, { email: 'a@b.example' }, { from: ['account.telephone'], country: ['account.land'] })).toEqual({ email: 'a@b.example', phone: '+33612345678' });
  });

  it.each(['12', 'call me', '0612345678901234567'])('that cannot be read are dropped, and the event goes on: %s', async (phone) => {
    expect(await match({ identifiers: { phone } }, { email: 'a@b.example', phone: '+33612345678' }, { otherwise: 'FR' })).toEqual({ email: 'a@b.example' });
  });

  it('of no known country are dropped too', async () => {
    expect(await match({ identifiers: { phone: '06 12 34 56 78' } }, { email: 'a@b.example' })).toEqual({ email: 'a@b.example' });
  });

  it('that are not there change nothing', async () => {
    expect(await match({}, { email: 'a@b.example', phone: '+33612345678' }, { otherwise: 'FR' })).toEqual({ email: 'a@b.example', phone: '+33612345678' });
  });
});
