import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envelope, signWebhook, type StoryEvent } from '#emulators';

/** The tenant of all measurements. These keys open nothing but emulators. */
export const tenant = 'bench';
export const klaviyoKey = 'pk_bench';
export const walletCrewKey = 'wc_bench_key';
const secret = 'bench-webhook-signature-secret';

export const tenantSettings = (klaviyoUrl: string, walletCrew: { baseUrl: string; apiKey: string; requestsPerMinute?: number } = { baseUrl: 'http://127.0.0.1:9', apiKey: 'unused' }) => ({
  tenants: {
    [tenant]: {
      walletCrew: { ...walletCrew, webhookSecret: secret },
      klaviyo: { baseUrl: klaviyoUrl, apiKey: klaviyoKey, listId: 'NEWS01' },
      passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift-card'] },
      consents: { consents_email: { channel: 'email' } },
      defaultCountry: 'FR',
    },
  },
});

/** JSON is YAML. */
export const writeConfig = (klaviyoUrl: string) => writeSettings(tenantSettings(klaviyoUrl));

export function writeSettings(settings: object): string {
  const file = join(mkdtempSync(join(tmpdir(), 'connector-bench-config-')), 'connector.yaml');
  writeFileSync(file, JSON.stringify(settings));
  return file;
}

const steps: Pick<StoryEvent, 'kind' | 'device'>[] = [
  { kind: 'Customer:Upserted' },
  { kind: 'Pass:Created' },
  { kind: 'Pass:Installed', device: 'apple' },
  { kind: 'Pass:Updated' },
  { kind: 'Pass:Installed', device: 'google' },
  { kind: 'Pass:Updated' },
  { kind: 'Pass:Uninstalled', device: 'apple' },
  { kind: 'Pass:Updated' },
  { kind: 'Pass:Installed', device: 'apple' },
  { kind: 'Pass:Uninstalled', device: 'google' },
];

/** So many webhooks make one person's story; each of them becomes one Klaviyo event. */
export const storyLength = steps.length;

/** The body of one webhook of a person's story, about 400 bytes. */
export function webhookBody(person: string, step: number, at: number): string {
  const { kind, device } = steps[step % steps.length]!;
  const event: StoryEvent = {
    kind,
    at: new Date(at).toISOString(),
    identifiers: { customerId: person, email: `${person}@bench.example` },
    metadata: { storeId: 'Paris-Rivoli', tier: 'Gold' },
    ...(kind.startsWith('Pass:') ? { passId: `pass-of-${person}`, passType: 'loyalty', passKind: 'customerCard' as const } : { account: { firstName: 'Ana', lastName: 'Lopez' } }),
    ...(device ? { device, additionalInformation: { activeRegistrationCount: kind === 'Pass:Installed' ? 1 : 0, totalRegistrationCount: 1, tags: ['Paris-Rivoli'], medium: 'qrcode' } } : {}),
  };
  return JSON.stringify(envelope(event, `${person}-${step}`, tenant));
}

export const hookPath = `/api/${tenant}/webhooks/listeners/wallet-crew`;

let people = 0;
const run = Date.now().toString(36);

/** A signed webhook of a person nobody has met. */
export function newcomer(step = 2): { body: string; signature: string } {
  const body = webhookBody(`${run}-${++people}`, step, Date.now());
  return { body, signature: signWebhook(secret, body) };
}

/** Whole HTTP requests, made before the clock runs: signing is the sender's work. All differ. */
export function requestsFor(url: string, count: number, path = hookPath): Buffer[] {
  const { host } = new URL(url);
  return Array.from({ length: count }, () => {
    const { body, signature } = newcomer();
    return Buffer.from(`POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\nx-neostore-signature: ${signature}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });
}

export const syncedPerson = (n: number) => ({ email: `synced.${n}@bench.example`, customerId: `S-${n}` });

/** What a Klaviyo flow calls for each profile of a list. */
export function syncRequests(url: string, count: number): Buffer[] {
  const { host } = new URL(url);
  return Array.from({ length: count }, (_, n) => {
    const body = JSON.stringify({ email: syncedPerson(n).email });
    return Buffer.from(`POST /api/${tenant}/webhooks/listeners/klaviyo/profiles/sync HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\nx-api-key: ${walletCrewKey}\r\nx-klaviyo-flow-id: XyZ123\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });
}
