import { readSettings, type Settings } from '#runtime';

export const sandboxTenant = 'sandbox';
/** These keys open nothing but the emulators of this process. */
export const sandboxKeys = { walletCrew: 'wallet-crew-sandbox-key', webhookSecret: 'sandbox-webhook-signature-secret', klaviyo: 'pk_sandbox', operations: 'sandbox-operations-token' };
export const sandboxLists = { newsletter: 'NEWS01', sms: 'SMS001' };

/** The sample tenant: the same settings a configuration file would hold, with the emulators in place of the vendors. */
export function sandboxSettings(walletCrewUrl: string, klaviyoUrl: string): Settings {
  return readSettings(
    {
      tenants: {
        [sandboxTenant]: {
          walletCrew: { baseUrl: walletCrewUrl, apiKey: sandboxKeys.walletCrew, webhookSecret: sandboxKeys.webhookSecret },
          klaviyo: { baseUrl: klaviyoUrl, apiKey: sandboxKeys.klaviyo, listId: sandboxLists.newsletter },
          passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift-card'] },
          consents: { consents_email: { channel: 'email' }, consents_sms: { channel: 'sms', listId: sandboxLists.sms } },
          defaultCountry: 'FR',
          // Whatever it plants has happened long enough ago.
          reconciliation: { cron: 'off', graceSeconds: 0 },
        },
      },
      operations: { token: sandboxKeys.operations },
    },
    [],
  );
}
