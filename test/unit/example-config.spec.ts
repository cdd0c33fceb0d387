import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { Environment, loadSettings, rulesByTenant } from '#runtime';

const secrets = {
  ACME_WALLET_CREW_API_KEY: 'a-wallet-crew-key',
  ACME_WALLET_CREW_WEBHOOK_SECRET: 'a-webhook-secret',
  ACME_KLAVIYO_API_KEY: 'pk_a_klaviyo_key',
  OPERATIONS_TOKEN: 'an-operations-token-of-some-length',
};

describe('the example configuration', () => {
  it('is accepted as it stands once its secrets are given', () => {
    const settings = loadSettings(new Environment({ CONFIG_FILE: 'config/connector.example.yaml', ...secrets }));
    expect([...settings.tenants.keys()]).toEqual(['acme']);
    expect(rulesByTenant(settings).get('acme')).toMatchObject({
      passKinds: { loyaltyCard: ['loyalty', 'loyalty-gold'], giftCard: ['gift'] },
      consents: { consents_email: { channel: 'email' }, consents_sms: { channel: 'sms', listId: 'AbC456' } },
      listId: 'XyZ123',
      lateAfterMs: 86_400_000,
    });
  });

  it('matches the schema that editors check it against', () => {
    const validate = new Ajv({ strict: false, formats: { url: true } }).compile(JSON.parse(readFileSync('config/connector.schema.json', 'utf8')));
    validate(parse(readFileSync('config/connector.example.yaml', 'utf8')));
    expect(validate.errors).toBeNull();
  });

  it('describes every setting there is, or leaves that to the page on rollouts', () => {
    const { definitions } = JSON.parse(readFileSync('config/connector.schema.json', 'utf8')) as { definitions: Record<string, { properties: object }> };
    const described = readFileSync('config/connector.example.yaml', 'utf8') + readFileSync('docs/rollout.md', 'utf8');
    const names = Object.values(definitions).flatMap(({ properties }) => Object.keys(properties));
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(described))).toEqual([]);
  });

  it('names every secret that is missing, at once', () => {
    expect(() => loadSettings(new Environment({ CONFIG_FILE: 'config/connector.example.yaml' }))).toThrow(
      /ACME_WALLET_CREW_API_KEY[^]*ACME_WALLET_CREW_WEBHOOK_SECRET[^]*ACME_KLAVIYO_API_KEY[^]*OPERATIONS_TOKEN/,
    );
  });
});
