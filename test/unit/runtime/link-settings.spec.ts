import { readSettings, rulesByTenant, SealedVault, vaultKeys, type Settings } from '#runtime';

const keys = ['a-secret-of-the-vault-of-32-characters'];
const tenant = (more: object = {}, walletCrew: object = {}) => ({ walletCrew: { apiKey: 'wc-key', webhookSecret: 'wc-webhook-secret', ...walletCrew }, klaviyo: { apiKey: 'pk_key' }, ...more });

function read(document: object): { settings: Settings; problems: string[] } {
  const problems: string[] = [];
  return { settings: readSettings(document, problems), problems };
}

function linksOf(links: object | undefined, walletCrew: object = {}) {
  const { settings, problems } = read({ tenants: { acme: tenant({ links }, walletCrew) }, vault: { keys } });
  expect(problems).toEqual([]);
  return rulesByTenant(settings).get('acme')!.links;
}

describe('the pass links of a tenant', () => {
  it('are for everybody who is heard of when there is a section, even an empty one', () => {
    expect(linksOf({})).toEqual({
      pages: { enrolment: 'https://app.neostore.cloud/acme/mail', pass: 'https://app.neostore.cloud/acme/mail/confirm' },
      tokenOn: 'profile', unasked: true, asProperties: false, refreshAfterMs: 30 * 86_400_000,
    });
  });

  it('lead to the environment the tenant is in, under its name there', () => {
    expect(linksOf({}, { baseUrl: 'https://app-qa.neostore.cloud', tenantId: 'acme-fr' })!.pages.pass).toBe('https://app-qa.neostore.cloud/acme-fr/mail/confirm');
  });

  it('lead to a domain of one\'s own and to pages of one\'s own', () => {
    expect(linksOf({ baseUrl: 'https://card.acme.example', enrolmentPath: '/join', passPath: '/{tenantId}/card?layout=x', tokenOn: 'event', refreshAfterDays: 7 })).toEqual({
      pages: { enrolment: 'https://card.acme.example/join', pass: 'https://card.acme.example/acme/card?layout=x' },
      tokenOn: 'event', unasked: true, asProperties: false, refreshAfterMs: 7 * 86_400_000,
    });
  });

  it('without settings lead to The Wallet Crew\'s own pages, with tokens for those a flow asks for', () => {
    const { settings, problems } = read({ tenants: { plain: tenant() } });
    expect(problems).toEqual([]);
    expect(rulesByTenant(settings).get('plain')!.links).toMatchObject({ tokenOn: 'profile', unasked: false, pages: { pass: 'https://app.neostore.cloud/plain/mail/confirm' } });
  });

  it('keep their tokens under the keys of the vault, or else under the API key that could ask for them', () => {
    const { settings } = read({ tenants: { acme: tenant({ links: {} }), other: tenant({}, { apiKey: 'another-key' }) } });
    const [acme, other] = [...settings.tenants.values()].map(({ walletCrew }) => new SealedVault(vaultKeys(settings.vault, walletCrew)));
    expect(acme!.open(acme!.seal('token'))).toBe('token');
    expect(other!.open(acme!.seal('token'))).toBeUndefined();
    expect(vaultKeys({ keys }, settings.tenants.get('acme')!.walletCrew)).toEqual(keys);
  });

  it.each([
    ['links', { links: 'yes' }],
    ['links.baseUrl', { links: { baseUrl: 'card.acme.example' } }],
    ['links.baseUrl', { links: { baseUrl: 'javascript://card.acme.example' } }],
    ['links.enrolmentPath', { links: { enrolmentPath: 'mail' } }],
    ['links.passPath', { links: { passPath: 5 } }],
    ['links.tokenOn', { links: { tokenOn: 'both' } }],
    ['links.asProperties', { links: { asProperties: 'yes' } }],
    ['links.asProperties', { links: { asProperties: true, tokenOn: 'event' } }],
    ['links.refreshAfterDays', { links: { refreshAfterDays: 0 } }],
    ['links.passpath', { links: { passpath: '/x' } }],
    ['walletCrew.notifyPath', tenant({}, { notifyPath: '/api/notifications' })],
    ['walletCrew.notifyBody', tenant({}, { notifyBody: 'content' })],
    ['walletCrew.tokenProvider', tenant({}, { tokenProvider: '' })],
    ['walletCrew.tokenBody', tenant({}, { tokenBody: ['email'] })],
    ['walletCrew.requestsPerMinute', tenant({}, { requestsPerMinute: 5 })],
  ])('have a problem at %s (%#)', (path, more) => {
    const { problems } = read({ tenants: { acme: { ...tenant(), ...more } }, vault: { keys } });
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual([`tenants.acme.${path}`]);
  });

  it.each([['a short key', [...keys, 'short']], ['a number', [5]], ['no list', keys[0]]])('have a problem with %s, which is not shown', (_what, wrong) => {
    const { problems } = read({ tenants: { acme: tenant({ links: {} }) }, vault: { keys: wrong } });
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every((problem) => problem.startsWith('vault.keys: '))).toBe(true);
    expect(problems.join()).not.toMatch(/a-secret|short,/);
  });
});
