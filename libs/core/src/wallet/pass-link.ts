import type { Channel } from '../command.js';
import { passLinkPages, type PassLinkPage } from '../plugin/hooks.js';
import type { LinkRules } from '../rules.js';

/** Where The Wallet Crew documents the token to be: a property of the profile, or here also of an event. A flat key that contains a dot. */
export const tokenProperty = 'neostore.authenticationToken';

/** The query parameter that makes a link open without a login. */
const parameter = 'neo.authToken';

/** Profile properties that hold whole addresses; the names are ours. */
export const linkProperties: Record<PassLinkPage, string> = { enrolment: 'neostore.link.enrolment', pass: 'neostore.link.pass' };

/** What a tenant's pages are called in the world. `path` may name the tenant as `{tenantId}`. */
export function pageAddress(baseUrl: string, path: string, tenantId: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/${path.replace(/^\/+/, '').replaceAll('{tenantId}', encodeURIComponent(tenantId))}`;
}

/** The address with the token, beside whatever its query holds already. */
export function withToken(address: string, token: string): string {
  return joined(address, encodeURIComponent(token));
}

/** `UpsertProfile.links` of a tenant that wants whole addresses on the profile. */
export function linksOf({ pages, asProperties, tokenOn }: LinkRules): Record<string, string> | undefined {
  if (!asProperties || tokenOn !== 'profile') return undefined;
  return Object.fromEntries(passLinkPages.map((page) => [linkProperties[page], pages[page]]));
}

export interface PageSnippets {
  page: PassLinkPage;
  opens: string;
  /** What to paste as the address of a button or link; in a text message, into the text. */
  snippets: Record<Channel, string>;
}

const opens: Record<PassLinkPage, string> = { enrolment: 'Enrolment: for people who have no pass yet, or have not added it to a wallet.', pass: 'The pass itself: for people who have one.' };

/** What a marketer copies: one address per page and channel, with the token from where this tenant keeps it. */
export function snippetsOf(rules: LinkRules): PageSnippets[] {
  // Klaviyo's template language is the same in both; a text message has its links shortened by Klaviyo itself.
  return passLinkPages.map((page) => ({ page, opens: opens[page], snippets: { email: snippet(rules, page), sms: snippet(rules, page) } }));
}

/** `lookup` takes the whole name as one key; `person.neostore.…` would look for `neostore` and find nothing. */
function snippet({ pages, tokenOn, asProperties }: LinkRules, page: PassLinkPage): string {
  if (tokenOn === 'event') return joined(pages[page], `{{ event|lookup:'${tokenProperty}' }}`);
  return asProperties ? `{{ person|lookup:'${linkProperties[page]}' }}` : joined(pages[page], `{{ person|lookup:'${tokenProperty}' }}`);
}

function joined(address: string, value: string): string {
  const [before = '', ...fragment] = address.split('#');
  const [, ...query] = before.split('?');
  const sign = query.length === 0 ? '?' : /(^|&)$/.test(query.join('?')) ? '' : '&';
  return [`${before}${sign}${parameter}=${value}`, ...fragment].join('#');
}
