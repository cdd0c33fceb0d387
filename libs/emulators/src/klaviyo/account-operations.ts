import { forbidden, notFound, Refusal } from './errors.js';
import type { Account } from './account.js';
import { document, type Operation } from './operation.js';
import { pageLinks, readQuery, selfLink } from './query.js';

const fields = { account: ['contact_information', 'id', 'industry', 'locale', 'preferred_currency', 'public_api_key', 'test_account', 'timezone'] };

function accountJson(account: Account, origin: string) {
  const name = account.options.name ?? `Account ${account.id}`;
  return {
    type: 'account',
    id: account.id,
    attributes: {
      test_account: account.options.test ?? true,
      contact_information: {
        default_sender_name: name,
        default_sender_email: 'hello@shop.example',
        website_url: 'https://shop.example',
        organization_name: name,
        street_address: { address1: '1 Rue du Test', address2: null, city: 'Paris', region: null, country: 'France', zip: '75001' },
      },
      industry: null,
      timezone: 'Europe/Paris',
      preferred_currency: 'EUR',
      public_api_key: account.id,
      locale: 'en-US',
    },
    links: { self: `${origin}/api/accounts/${account.id}/` },
  };
}

export const getAccounts: Operation = ({ account, exchange, limit }) => {
  readQuery(exchange, { fields }, limit);
  return document(200, { data: [accountJson(account, exchange.origin)], links: pageLinks(exchange, {}) }, 1);
};

export const getAccount: Operation = ({ account, exchange, limit, parameters }) => {
  readQuery(exchange, { fields }, limit);
  if (parameters['id'] !== account.id) throw new Refusal([notFound(`An account with id ${parameters['id']} does not exist.`)]);
  return document(200, { data: accountJson(account, exchange.origin), links: { self: selfLink(exchange) } }, 1);
};

/** Recorded live on all seven webhook operations with a private key: system webhooks need an OAuth app or Advanced KDP. */
export const webhooksDenied: Operation = () => {
  throw new Refusal([forbidden('You must have Advanced KDP enabled to use this endpoint.')]);
};
