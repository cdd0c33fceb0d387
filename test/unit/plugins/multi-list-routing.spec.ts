import type { ListRoute, PersonView } from '#core';
import { askHook } from '#isolate';
import multiListRouting from '../../../libs/plugins/src/multi-list-routing.js';
import { aPerson } from './samples.js';

const listed = { consent: 'consents_email', list: 'DEFAULT' };
const mails = { consents_email: true };

async function lists(person: Partial<PersonView>, settings: object, before: ListRoute[] = [listed]): Promise<string[]> {
  const routes = await askHook(multiListRouting, 'routeLists', { person: aPerson({ consents: mails, ...person }), lists: before }, settings as Record<string, unknown>);
  return routes.map(({ consent, list }) => `${consent} ${list}`);
}

const byLanguage = { routes: [{ consent: 'consents_email', list: 'FR', languages: ['fr'] }, { consent: 'consents_email', list: 'CA', languages: ['fr-CA', 'en-CA'] }, { consent: 'consents_email', list: 'EN', languages: ['en'] }] };
const byStore = { routes: [{ consent: 'consents_email', list: 'PARIS', when: { 'metadata.storeId': [12, '13'] } }, { consent: 'consents_email', list: 'VIP', when: { 'metadata.storeId': 12, 'account.tier': 'gold' } }] };

describe('multi-list routing', () => {
  it.each([
    ['fr-FR', ['FR']],
    ['fr', ['FR']],
    ['fr_CA', ['FR', 'CA']],
    ['EN-ca', ['CA', 'EN']],
    ['frr', ['DEFAULT']],
    ['de', ['DEFAULT']],
    [undefined, ['DEFAULT']],
  ])('sends a consent to the lists of the language: %s', async (locale, wanted) => {
    expect(await lists(locale === undefined ? {} : { locale }, byLanguage)).toEqual(wanted.map((list) => `consents_email ${list}`));
  });

  it.each([
    ['a store as a number', { metadata: { storeId: 12 } }, ['PARIS']],
    ['a store as text', { metadata: { storeId: '12' } }, ['PARIS']],
    ['one of several stores', { metadata: { storeId: 13 } }, ['PARIS']],
    ['two conditions that both hold', { metadata: { storeId: 12 }, account: { tier: 'gold' } }, ['PARIS', 'VIP']],
    ['another store', { metadata: { storeId: 99 } }, ['DEFAULT']],
    ['no store at all', {}, ['DEFAULT']],
    ['a store that is one of every object', { metadata: { toString: 12 } }, ['DEFAULT']],
  ])('sends it to the lists of %s', async (_what, person, wanted) => {
    expect(await lists(person, byStore)).toEqual(wanted.map((list) => `consents_email ${list}`));
  });

  it('sends it to the list of a kind of pass', async () => {
    const settings = { routes: [{ consent: 'consents_email', list: 'GIFT', passKinds: ['giftCard'] }] };
    const pass = (kind: string) => ({ id: kind, kind, apple: 'NotInstalled' as const, google: 'Installed' as const });
    expect(await lists({ passes: [pass('loyaltyCard'), pass('giftCard')] }, settings)).toEqual(['consents_email GIFT']);
    expect(await lists({ passes: [pass('loyaltyCard')] }, settings)).toEqual(['consents_email DEFAULT']);
  });

  it('sends it elsewhere when no route matches, and only then', async () => {
    const settings = { ...byLanguage, otherwise: [{ consent: 'consents_email', list: 'REST' }] };
    expect(await lists({ locale: 'de' }, settings)).toEqual(['consents_email REST']);
    expect(await lists({ locale: 'en' }, settings)).toEqual(['consents_email EN']);
  });

  it.each<Record<string, boolean>>([{}, { consents_email: false }, { consents_sms: true }])('routes nobody whose consent is %j', async (consents) => {
    expect(await lists({ locale: 'fr', consents }, { ...byLanguage, otherwise: [{ consent: 'consents_email', list: 'REST' }] }, [])).toEqual([]);
  });

  it('leaves other consents alone, and keeps what stands before it for them', async () => {
    const sms = { consent: 'consents_sms', list: 'SMS' };
    expect(await lists({ locale: 'fr', consents: { consents_email: true, consents_sms: true } }, { ...byLanguage, otherwise: [{ consent: 'consents_sms', list: 'NEVER' }] }, [listed, sms])).toEqual(['consents_sms SMS', 'consents_email FR']);
  });

  it('names a list once for one consent, however many routes lead there', async () => {
    expect(await lists({ locale: 'fr-CA' }, { routes: [{ consent: 'consents_email', list: 'A', languages: ['fr'] }, { consent: 'consents_email', list: 'A', languages: ['fr-CA'] }] })).toEqual(['consents_email A']);
  });
});
