import { readSettings, rulesByTenant, type Settings } from '#runtime';

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
  it('are there when the section is, even an empty one', () => {
    expect(linksOf(undefined)).toBeUndefined();
    expect(linksOf({})).toEqual({
      pages: { enrolment: 'https://app.neostore.cloud/acme/mail', pass: 'https://app.neostore.cloud/acme/mail/confirm' },
      tokenOn: 'profile', asProperties: false, refreshAfterMs: 30 * 86_400_000,
    });
  });

  it('lead to the environment the tenant is in, under its name there', () => {
    expect(linksOf({}, { baseUrl: 'https://app-qa.neostore.cloud', tenantId: 'acme-fr' })!.pages.pass).toBe('https://app-qa.neostore.cloud/acme-fr/mail/confirm');
  });

  it('lead to a domain of one\'s own and to pages of one\'s own', () => {
    expect(linksOf({ baseUrl: 'https://card.acme.example', enrolmentPath: '/join', passPath: '/{tenantId}/card?layout=x', tokenOn: 'event', refreshAfterDays: 7 })).toEqual({
      pages: { enrolment: 'https://card.acme.example/join', pass: 'https://card.acme.example/acme/card?layout=x' },
      tokenOn: 'event', asProperties: false, refreshAfterMs: 7 * 86_400_000,
    });
  });

  it('need a key under which their tokens are kept', () => {
    const found = [read({ tenants: { plain: tenant(), acme: tenant({ links: {} }) } }), read({ tenants: { acme: tenant({ links: {} }) }, vault: { keys: [] } })].map(({ problems }) => problems);
    expect(found).toEqual([[expect.stringMatching(/^vault\.keys: .*tenants\.acme\.links/)], [expect.stringMatching(/^vault\.keys: /)]]);
    expect(read({ tenants: { plain: tenant() } }).problems).toEqual([]);
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
