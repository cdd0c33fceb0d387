import fc from 'fast-check';
import { linksOf, pageAddress, propertyNames, snippetsOf, tokenProperty, withToken, type LinkRules } from '#core';
import { renderTemplate } from '#emulators';

const token = 'a+b/c=&d é';
const pages = { enrolment: 'https://app.neostore.cloud/acme/mail', pass: 'https://app.neostore.cloud/acme/mail/confirm' };
const rules = (more: Partial<LinkRules> = {}): LinkRules => ({ pages, tokenOn: 'profile', unasked: true, asProperties: false, refreshAfterMs: 1, ...more });
const addressesOf = (links: LinkRules) => snippetsOf(links).map(({ page, snippets }) => [page, snippets.email]);

describe('the address of a page', () => {
  it.each([
    ['https://app.neostore.cloud', '/{tenantId}/mail', 'https://app.neostore.cloud/acme%20fr/mail'],
    ['https://cards.acme.example/', '/mail', 'https://cards.acme.example/mail'],
    ['https://acme.example/cards//', '/{tenantId}/a?layout={tenantId}', 'https://acme.example/cards/acme%20fr/a?layout=acme%20fr'],
  ])('%s with %s', (baseUrl, path, address) => {
    expect(pageAddress(baseUrl, path, 'acme fr')).toBe(address);
  });
});

describe('a link with its token', () => {
  it.each([
    ['https://a.example/mail', 'https://a.example/mail?neo.authToken=T'],
    ['https://a.example/mail?layout=b', 'https://a.example/mail?layout=b&neo.authToken=T'],
    ['https://a.example/mail?', 'https://a.example/mail?neo.authToken=T'],
    ['https://a.example/mail??', 'https://a.example/mail??&neo.authToken=T'],
    ['https://a.example/mail?a=b&', 'https://a.example/mail?a=b&neo.authToken=T'],
    ['https://a.example/mail#card', 'https://a.example/mail?neo.authToken=T#card'],
    ['https://a.example/mail?a=b#card?x', 'https://a.example/mail?a=b&neo.authToken=T#card?x'],
  ])('%s', (address, expected) => {
    expect(withToken(address, 'T')).toBe(expected);
  });

  it('brings the token over whole, and keeps what the address asked for', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.string({ unit: 'grapheme', minLength: 1 }), (address, secret) => {
        const [before, after] = [new URL(address), new URL(withToken(address, secret))];
        expect(after.searchParams.get('neo.authToken')).toBe(secret);
        expect([after.origin, after.pathname, after.hash]).toEqual([before.origin, before.pathname, before.hash]);
        for (const [name, value] of before.searchParams) expect(after.searchParams.getAll(name)).toContain(value);
      }),
    );
  });
});

describe('what a marketer copies', () => {
  it('is The Wallet Crew\'s own documented link, where the profile carries the token', () => {
    expect(snippetsOf(rules())).toEqual([
      { page: 'enrolment', opens: expect.any(String) as string, snippets: both(`https://app.neostore.cloud/acme/mail?neo.authToken={{ person|lookup:'neostore.authenticationToken' }}`) },
      { page: 'pass', opens: expect.any(String) as string, snippets: both(`https://app.neostore.cloud/acme/mail/confirm?neo.authToken={{ person|lookup:'neostore.authenticationToken' }}`) },
    ]);
  });

  it('takes the token from the event, where each event carries its own', () => {
    expect(addressesOf(rules({ tokenOn: 'event' }))).toEqual([
      ['enrolment', `https://app.neostore.cloud/acme/mail?neo.authToken={{ event|lookup:'neostore.authenticationToken' }}`],
      ['pass', `https://app.neostore.cloud/acme/mail/confirm?neo.authToken={{ event|lookup:'neostore.authenticationToken' }}`],
    ]);
  });

  it('is one property, where the profile carries whole addresses', () => {
    expect(addressesOf(rules({ asProperties: true }))).toEqual([['enrolment', `{{ person|lookup:'neostore.link.enrolment' }}`], ['pass', `{{ person|lookup:'neostore.link.pass' }}`]]);
  });

  it.each([rules(), rules({ asProperties: true }), rules({ tokenOn: 'event' })])('becomes the same link by every way', (links) => {
    const plain = 'token-of-ana';
    const whole = Object.entries(linksOf(links) ?? {}).map(([name, address]) => [name, withToken(address, plain)]);
    const scope = { person: { [tokenProperty]: plain, ...Object.fromEntries(whole) }, event: { [tokenProperty]: plain } };
    expect(addressesOf(links).map(([, address]) => renderTemplate(address!, scope))).toEqual([withToken(pages.enrolment, plain), withToken(pages.pass, plain)]);
  });

  it('names the property that profiles have', () => {
    expect(propertyNames.authenticationToken).toBe(tokenProperty);
  });
});

it('whole addresses are on the profile only where they are wanted', () => {
  expect(linksOf(rules({ asProperties: true }))).toEqual({ 'neostore.link.enrolment': pages.enrolment, 'neostore.link.pass': pages.pass });
  expect(linksOf(rules())).toBeUndefined();
  expect(linksOf(rules({ asProperties: true, tokenOn: 'event' }))).toBeUndefined();
  expect(withToken(pages.pass, token)).toBe('https://app.neostore.cloud/acme/mail/confirm?neo.authToken=a%2Bb%2Fc%3D%26d%20%C3%A9');
});

function both(address: string) {
  return { email: address, sms: address };
}
