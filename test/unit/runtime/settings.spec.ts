import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConnectorError, defaultConsents, defaultIdentity, defaultMetrics, defaultPassKinds } from '#core';
import { askedForOptOuts, Environment, loadSettings, rulesByTenant } from '#runtime';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'settings-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const keys = 'walletCrew: { apiKey: wc-key, webhookSecret: wc-webhook-secret }';
const klaviyo = 'klaviyo: { apiKey: pk_key, listId: NEWS }';
const tenant = (...lines: string[]) => ['tenants:', '  acme:', ...[keys, klaviyo, ...lines].flatMap((line) => line.split('\n')).map((line) => `    ${line}`)].join('\n');

function load(yaml: string, variables: Record<string, string> = {}) {
  const file = join(folder, 'connector.yaml');
  writeFileSync(file, yaml);
  return loadSettings(new Environment({ CONFIG_FILE: file, ...variables }));
}

function problems(yaml: string, variables: Record<string, string> = {}): string[] {
  try {
    load(yaml, variables);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    expect(error.code).toBe('SETTINGS_INVALID');
    return error.detail!.split('\n  ').slice(1);
  }
  return [];
}

const rulesOf = (yaml: string) => rulesByTenant(load(yaml)).get('acme')!;

describe('the configuration', () => {
  it('needs no more than the keys of one tenant', () => {
    const settings = load(tenant());
    expect(settings).toMatchObject({ limits: { bodyBytes: 1_000_000, backlog: 1_000_000 }, operations: {}, retentionDays: 90 });
    expect(settings.tenants.get('acme')).toMatchObject({ walletCrew: { baseUrl: 'https://app.neostore.cloud', apiKey: 'wc-key' }, klaviyo: { baseUrl: 'https://a.klaviyo.com', quotaShare: 1, listId: 'NEWS' } });
  });

  it('lists every problem at once, by its path', () => {
    const found = problems(
      [
        'retentionDays: 0',
        'limits: { bodyBytes: many, backlogg: 5 }',
        'operations: { token: short }',
        'tenants:',
        '  acme:',
        '    walletCrew: { baseUrl: nowhere, webhookSecret: wc-webhook-secret }',
        '    klaviyo: { apiKey: pk_key, quotaShare: 2 }',
        '    consents: { consents_email: { channel: mail } }',
        '    metrics: { pass-scanned: X, pass-created: "" }',
        '    passKind: {}',
        '  "no good id":',
        '    klaviyo: { apiKey: pk_key }',
      ].join('\n'),
      { PORT: 'http' },
    );
    const paths = found.map((problem) => problem.split(': ')[0]);
    expect(new Set(paths)).toEqual(new Set(['PORT', 'retentionDays', 'limits.bodyBytes', 'limits.backlogg', 'operations.token', 'tenants.acme.walletCrew.baseUrl', 'tenants.acme.walletCrew.apiKey', 'tenants.acme.klaviyo.quotaShare', 'tenants.acme.consents.consents_email.channel', 'tenants.acme.metrics.pass-scanned', 'tenants.acme.metrics.pass-created', 'tenants.acme.passKind', 'tenants.no good id', 'tenants.no good id.walletCrew']));
  });

  it('never shows a value, least of all a secret', () => {
    const variables = { KEY: 'TOP-SECRET-1', HOOK: 'TS', DATABASE_URL: 'mysql://user:TOP-SECRET-2@host/db' };
    const found = problems('tenants:\n  acme:\n    walletCrew: { baseUrl: "TOP-SECRET-3", apiKey: "${KEY}", webhookSecret: "${HOOK}" }\n    klaviyo: { apiKey: [TOP-SECRET-4], listId: { a: TOP-SECRET-5 } }\n    defaultCountry: TOP-SECRET-6\n    consents: { consents_email: { channel: TOP-SECRET-7 }, consents_sms: TOP-SECRET-8 }\n    passKinds: TOP-SECRET-9', variables);
    expect(found.length).toBeGreaterThanOrEqual(8);
    expect(found.join('\n')).not.toMatch(/SECRET-\d|"TS"/);
  });

  it('asks Klaviyo who opted out unless Klaviyo tells by itself, and only of channels that a form asks consent for', () => {
    const asked = (own: string, ...lines: string[]) => {
      const settings = load(`tenants:\n  acme:\n    ${keys}\n    klaviyo: { apiKey: pk_key${own} }\n${lines.map((line) => `    ${line}`).join('\n')}`);
      return askedForOptOuts(settings, rulesByTenant(settings)).get('acme');
    };
    expect(asked('')).toEqual(['email', 'sms']);
    expect(asked('', 'consents: { newsletter: { channel: email }, club: { channel: email } }')).toEqual(['email']);
    expect(asked(', systemWebhookSecret: sixteen-and-more')).toBeUndefined();
    expect(asked(', systemWebhookSecret: sixteen-and-more, pollOptOuts: true')).toEqual(['email', 'sms']);
    expect(asked(', pollOptOuts: false')).toBeUndefined();
    expect(problems(tenant().replace('listId: NEWS', 'systemWebhookSecret: fifteen-letters'))).toEqual([expect.stringMatching(/^tenants\.acme\.klaviyo\.systemWebhookSecret: /)]);
  });

  it('shows nothing of a file that is not YAML', () => {
    const [problem, ...more] = problems('tenants: {acme: [TOP-SECRET');
    expect(more).toEqual([]);
    expect(problem).toMatch(/^CONFIG_FILE \(.*\): it is not readable YAML at line 1, column 28$/);
  });

  it.each([
    ['a broken line', 'tenants:\n  acme:\n    walletCrew: { baseUrl: TOP-SECRET\n    klaviyo: x\n', 'line 4, column 5'],
    ['a name that comes twice', 'tenants: {}\nTOP-SECRET: 1\nTOP-SECRET: 2\n', 'line 3, column 1'],
  ])('says where a file stops being YAML: %s', (_what, yaml, place) => {
    expect(problems(yaml)).toEqual([expect.stringMatching(new RegExp(`: it is not readable YAML at ${place}$`))]);
  });

  it('lists what is wrong with the environment also where the file cannot be read', () => {
    const found = problems('tenants: [', { LOG_LEVEL: 'loud', WORKERS: 'maybe', SHUTDOWN_GRACE_MS: 'x' });
    expect(found.map((problem) => problem.split(/[: ]/)[0])).toEqual(['SHUTDOWN_GRACE_MS', 'LOG_LEVEL', 'WORKERS', 'CONFIG_FILE']);
  });

  it.each(['walletCrew', 'klaviyo', 'links'])('takes no address but http and https: %s', (section) => {
    const acme: Record<string, object> = { walletCrew: { apiKey: 'k', webhookSecret: 'long-enough' }, klaviyo: { apiKey: 'k' } };
    const found = problems(JSON.stringify({ tenants: { acme: { ...acme, [section]: { ...acme[section], baseUrl: 'ftp://nope' } } } }));
    expect(found).toEqual([`tenants.acme.${section}.baseUrl: baseUrl must be an http or https address`]);
  });

  it('says which file it looked for', () => {
    expect(() => loadSettings(new Environment({ CONFIG_FILE: '/nowhere/connector.yaml' }))).toThrow(/CONFIG_FILE \(\/nowhere\/connector\.yaml\): there is no such file/);
  });

  it.each(['', '[]', 'hello', '42', '{}', 'tenants:', 'tenants: {}', 'tenants: []', 'tenants: hello', 'tenants: { acme: }', 'tenants: { acme: hello }', 'tenants: [hello]'])('"%s" is no configuration', (yaml) => {
    expect(problems(yaml)).not.toEqual([]);
  });

  it.each([
    ['at the top', `retentionDay: 5\n${tenant()}`, 'retentionDay'],
    ['in the limits', `limits: { bodybytes: 5000 }\n${tenant()}`, 'limits.bodybytes'],
    ['in a tenant', tenant('passkinds: [loyaltyCard]'), 'tenants.acme.passkinds'],
    ['in the rollout', `rollout: { providers: ./flagd.js }\n${tenant()}`, 'rollout.providers'],
    ['in a section of a tenant', tenant('identity: { emails: [mail] }'), 'tenants.acme.identity.emails'],
    ['in a consent', tenant('consents: { a: { channel: email, list: X } }'), 'tenants.acme.consents.a.list'],
    ['that is one of every object', tenant('toString: x'), 'tenants.acme.toString'],
  ])('a misspelt name %s is a problem, not silence', (_where, yaml, path) => {
    expect(problems(yaml)).toEqual([`${path}: there is no such setting`]);
  });

  it('a section whose lines are all commented out means its defaults', () => {
    expect(load(`limits:\n#  backlog: 5\noperations:\nretentionDays:\n${tenant('identity:', 'metrics:', 'consents:', 'passKinds:', 'defaultCountry:', 'lateAfterHours:')}`)).toMatchObject({ limits: { backlog: 1_000_000 }, operations: {}, retentionDays: 90 });
  });

  it('a setting left blank means its default, and never "nothing"', () => {
    const rules = rulesOf(`tenants:\n  acme:\n    ${keys}\n    klaviyo: { apiKey: pk_key, listId: , quotaShare: }\n    identity: { externalId: , email: }\n    consents: { consents_email: { channel: email, listId: } }`);
    expect(rules.identity).toEqual(defaultIdentity);
    expect(rules).not.toHaveProperty('listId');
    expect(rules.consents['consents_email']!.listId ?? 'none').toBe('none');
  });

  it.each([
    ['a pass kind', 'passKinds: { giftCard: }'],
    ['a consent field', 'consents: { consents_email: }'],
    ['a needed key', 'x: y\nwalletCrew: { apiKey: , webhookSecret: wc-webhook-secret }'],
  ])('%s left blank is a problem: nobody can tell what was meant', (_what, lines) => {
    const yaml = lines.startsWith('x:') ? `tenants:\n  acme:\n    ${klaviyo}\n    ${lines.split('\n')[1]}` : tenant(lines);
    expect(problems(yaml).length).toBeGreaterThan(0);
  });
});

describe('secrets', () => {
  it('are taken from the environment or from a file, whole or as part of a value', () => {
    writeFileSync(join(folder, 'secret'), 'from-the-file\n');
    const settings = load(`tenants:\n  acme:\n    walletCrew: { baseUrl: "https://\${HOST_NAME}/x", apiKey: "\${KEY}", webhookSecret: "\${file:${join(folder, 'secret')}}" }\n    ${klaviyo}`, { KEY: 'pa$$word $& ${X}', HOST_NAME: 'wc.example' });
    expect(settings.tenants.get('acme')!.walletCrew).toMatchObject({ baseUrl: 'https://wc.example/x', apiKey: 'pa$$word $& ${X}', webhookSecret: 'from-the-file' });
  });

  it.each([
    ['an environment variable that is not set', '${NO_SUCH_NAME}', 'tenants.acme.klaviyo.apiKey: the environment variable NO_SUCH_NAME is not set'],
    ['a file that does not exist', '${file:/nowhere/secret}', 'tenants.acme.klaviyo.apiKey: the file /nowhere/secret does not exist'],
    ['a file that cannot be read', '${file:/}', 'tenants.acme.klaviyo.apiKey: the file / cannot be read'],
  ])('%s is a problem of the setting that names it', (_what, reference, problem) => {
    expect(problems(`tenants:\n  acme:\n    ${keys}\n    klaviyo: { apiKey: "${reference}" }`)).toEqual([problem]);
  });

  it('an empty variable is no key', () => {
    expect(problems(`tenants:\n  acme:\n    ${keys}\n    klaviyo: { apiKey: "\${EMPTY}" }`, { EMPTY: '' })).toEqual([expect.stringMatching(/^tenants\.acme\.klaviyo\.apiKey: /)]);
  });

  it('are found missing in a list of tenants too', () => {
    expect(problems(`tenants:\n  - id: acme\n    ${keys}\n    klaviyo: { apiKey: "\${NO_SUCH_NAME}" }`)).toEqual([expect.stringContaining('NO_SUCH_NAME is not set')]);
  });
});

describe('tenants', () => {
  it('may be a list with ids as well as a map', () => {
    const listed = load(`tenants:\n  - id: acme\n    ${keys}\n    ${klaviyo}\n  - id: 42\n    ${keys}\n    ${klaviyo}`);
    expect([...listed.tenants.keys()]).toEqual(['acme', '42']);
    expect(listed.tenants.get('acme')).toEqual(load(tenant()).tenants.get('acme'));
  });

  it('need an id in a list', () => {
    expect(problems(`tenants:\n  - ${keys}\n    ${klaviyo}`)).not.toEqual([]);
  });

  it('cannot share an id: one would silently replace the other', () => {
    expect(problems(`tenants:\n  - id: acme\n    ${keys}\n    ${klaviyo}\n  - id: acme\n    ${keys}\n    ${klaviyo}`)).toEqual([expect.stringMatching(/^tenants\.acme: /)]);
  });
});

describe('the rules of a tenant', () => {
  it('have the documented defaults', () => {
    const { toE164, links, ...rules } = rulesOf(tenant());
    expect(links).toMatchObject({ tokenOn: 'profile', unasked: false });
    expect(rules).toEqual({ tenant: 'acme', passKinds: defaultPassKinds, identity: defaultIdentity, consents: defaultConsents, metrics: defaultMetrics, listId: 'NEWS', lateAfterMs: 24 * 3_600_000 });
    expect(toE164('0612345678')).toBeUndefined();
  });

  it.each([
    ['a map of kinds and types', 'passKinds: { loyaltyCard: [loyalty, gold], giftCard: [gift] }', { loyaltyCard: ['loyalty', 'gold'], giftCard: ['gift'] }],
    ['a map with kinds that name no type', 'passKinds: { giftCard: [] }', { giftCard: [] }],
    ['a list of kinds', 'passKinds: [loyaltyCard, giftCard]', { loyaltyCard: [], giftCard: [] }],
  ])('take %s', (_how, line, kinds) => {
    expect(rulesOf(tenant(line)).passKinds).toEqual(kinds);
  });

  it.each(['passKinds: loyaltyCard', 'passKinds: {}', 'passKinds: []', 'passKinds: { giftCard: gift }', 'passKinds: { giftCard: [1] }', 'passKinds: [[a]]', 'passKinds: [{ giftCard: [gift] }]'])('%s is a problem', (line) => {
    const found = problems(tenant(line));
    expect(found.length).toBeGreaterThan(0);
    for (const problem of found) expect(problem).toMatch(/^tenants\.acme\.passKinds: /);
  });

  it('take the tenant\'s consents instead of the defaults, and identity and metrics over them', () => {
    const rules = rulesOf(tenant('consents: { news: { channel: email, listId: N, historicalWhenLate: true } }', 'identity: { externalId: [customerId] }', 'metrics: { registered: Inscription, pass-updated: null }', 'lateAfterHours: 1.5'));
    expect(rules.consents).toEqual({ news: { channel: 'email', listId: 'N', historicalWhenLate: true } });
    expect(rules.identity).toEqual({ ...defaultIdentity, externalId: ['customerId'] });
    expect(rules.metrics).toEqual({ ...defaultMetrics, 'registered': 'Inscription', 'pass-updated': null });
    expect(rules.lateAfterMs).toBe(5_400_000);
  });

  it.each([
    ['consents: []', 'tenants.acme.consents'],
    ['consents: { a: hello }', 'tenants.acme.consents'],
    ['consents: { a: {} }', 'tenants.acme.consents.a.channel'],
    ['consents: { a: { channel: sms, historicalWhenLate: sometimes } }', 'tenants.acme.consents.a.historicalWhenLate'],
    ['identity: { email: mail }', 'tenants.acme.identity.email'],
    ['identity: { email: [1] }', 'tenants.acme.identity.email'],
    ['identity: [email]', 'tenants.acme.identity'],
    ['metrics: [a]', 'tenants.acme.metrics'],
    ['metrics: { registered: 5 }', 'tenants.acme.metrics.registered'],
    [`metrics: { registered: ${'x'.repeat(128)} }`, 'tenants.acme.metrics.registered'],
    ['lateAfterHours: -1', 'tenants.acme.lateAfterHours'],
    ['lateAfterHours: soon', 'tenants.acme.lateAfterHours'],
    ['defaultCountry: France', 'tenants.acme.defaultCountry'],
    ['plugins: [{ settings: {} }]', 'tenants.acme.plugins[0].use'],
    ['plugins: [{ use: a }, { use: b, onErrors: hold }]', 'tenants.acme.plugins[1].onErrors'],
    ['plugins: [{ use: a, onError: stop }]', 'tenants.acme.plugins[0].onError'],
    ['plugins: [{ use: a, timeoutMs: 0 }]', 'tenants.acme.plugins[0].timeoutMs'],
    ['plugins: [{ use: a, memoryMb: 8 }]', 'tenants.acme.plugins[0].memoryMb'],
    ['plugins: [{ use: a, settings: [b] }]', 'tenants.acme.plugins[0].settings'],
    ['plugins: [{ use: a, rollout: beta }]', 'tenants.acme.plugins[0].rollout.stage'],
    ['plugins: [{ use: a, rollout: { percent: 500 } }]', 'tenants.acme.plugins[0].rollout.percent'],
    ['plugins: [{ use: a, rollout: { cohort: { storeId: [Paris] } } }]', 'tenants.acme.plugins[0].rollout.cohort.storeId'],
    ['plugins: [quiet-hours]', 'tenants.acme.plugins'],
    ['plugins: { use: quiet-hours }', 'tenants.acme.plugins'],
  ])('%s is a problem at %s', (line, path) => {
    const found = problems(tenant(line));
    expect(found.length).toBeGreaterThan(0);
    for (const problem of found) expect(problem.startsWith(path)).toBe(true);
  });

  it.each(['FR', 'fr'])('read phone numbers in the country of the tenant: %s', (country) => {
    expect(rulesOf(tenant(`defaultCountry: ${country}`)).toE164('06 12 34 56 78')).toBe('+33612345678');
  });
});

describe('the environment', () => {
  it('has documented defaults', () => {
    expect(new Environment({})).toMatchObject({ configFile: 'config/connector.yaml', host: '127.0.0.1', port: 3000, databaseUrl: undefined, dataDir: '.data', logLevel: 'info', graceMs: 20_000, workers: true });
    expect(new Environment({}).problems()).toEqual([]);
  });

  it('looks for the rollout file beside the configuration, unless it is named', () => {
    expect(new Environment({ CONFIG_FILE: '/etc/connector/c.yaml' }).rolloutFile).toEqual({ path: '/etc/connector/rollout.yaml', isAsked: false });
    expect(new Environment({ ROLLOUT_FILE: '/etc/rollout/r.yaml' }).rolloutFile).toEqual({ path: '/etc/rollout/r.yaml', isAsked: true });
  });

  it.each([
    [{ PORT: 'abc' }, 'PORT'],
    [{ PORT: '70000' }, 'PORT'],
    [{ PORT: '-1' }, 'PORT'],
    [{ SHUTDOWN_GRACE_MS: 'soon' }, 'SHUTDOWN_GRACE_MS'],
    [{ SHUTDOWN_GRACE_MS: '-5' }, 'SHUTDOWN_GRACE_MS'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
    [{ WORKERS: 'maybe' }, 'WORKERS'],
    [{ DATABASE_URL: 'mysql://host/db' }, 'DATABASE_URL'],
  ])('%j is a problem', (variables, name) => {
    expect(new Environment(variables as Record<string, string>).problems()).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
  });

  it('only "off" turns the workers off', () => {
    expect(['off', 'on', ''].map((WORKERS) => new Environment({ WORKERS }).workers)).toEqual([false, true, true]);
  });
});
