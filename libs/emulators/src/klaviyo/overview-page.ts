import { escape, page } from '../http/page.js';
import type { Account } from './account.js';
import type { Profile } from './profile.js';
import { subscriptionsJson } from './profile-json.js';
import { instant, secondInstant } from './time.js';

const shown = 50;

/** What Klaviyo holds now, for a person to look at: newest changes first. `search` narrows by any identifier or name. */
export function overviewPage(accounts: readonly Account[], search: string): string {
  const body = accounts.map((account) => accountSection(account, search.trim().toLowerCase())).join('');
  return page('Klaviyo emulator', `
<h1>Klaviyo emulator</h1><p>What this stand-in for Klaviyo holds at this moment. Nothing here reaches the real Klaviyo.</p>
<nav><a href="/__emulator/stats">stats</a><a href="/__emulator/requests">requests</a><a href="/__emulator/profiles">profiles</a><a href="/__emulator/events">events</a><a href="/__emulator/lists">lists</a><a href="/__emulator/flows-triggered">flows triggered</a></nav>
<form method="get"><input name="q" value="${escape(search)}" placeholder="email, phone, external id or name" aria-label="Search"></form>${body}`);
}

function accountSection(account: Account, search: string): string {
  const lists = [...account.lists.values()].map((list) => `<span class="tag">${escape(list.name)} · ${list.size}</span>`).join('');
  const found = newest(account, search);
  return `<h2>${escape(account.options.name ?? `Account ${account.id}`)}</h2>
<p>${account.profiles.size} profiles, ${account.events.size} events, ${account.flowsTriggered.length} flows triggered</p>${lists}
${found.map((profile) => profileCard(account, profile)).join('') || '<p>No profile to show.</p>'}`;
}

/** The latest changed, found by walking the order of change backwards. */
function newest(account: Account, search: string): Profile[] {
  const order = account.profiles.inOrderOfChange;
  const found: Profile[] = [];
  for (let index = order.length - 1; index >= 0 && found.length < shown; index--) {
    const profile = order.item(index);
    if (order.current(index) && (search === '' || searchable(profile).includes(search))) found.push(profile);
  }
  return found;
}

const searchable = (profile: Profile) =>
  [profile.id, profile.email, profile.phone, profile.externalId, profile.names?.['first_name'], profile.names?.['last_name']].join(' ').toLowerCase();

function profileCard(account: Account, profile: Profile): string {
  const name = [profile.names?.['first_name'], profile.names?.['last_name']].filter(Boolean).join(' ');
  const subscriptions = subscriptionsJson(profile) as { email: { marketing: { consent: string } }; sms: { marketing: { consent: string } } };
  const rows = Object.entries(profile.properties).map(([key, value]) => `<tr><th><code>${escape(key)}</code></th><td>${escape(typeof value === 'string' ? value : JSON.stringify(value))}</td></tr>`);
  const events = account.events.ofProfile(profile.id).slice(-5).reverse()
    .map((event) => `<tr><th>${escape(secondInstant(event.seconds).slice(0, 19).replace('T', ' '))}</th><td>${escape(event.metric.name)}${event.backfill ? ' <small>backfill</small>' : ''}</td></tr>`);
  const tags = [
    consentTag('email', subscriptions.email.marketing.consent),
    consentTag('SMS', subscriptions.sms.marketing.consent),
    ...(profile.consents?.suppression ?? []).map(({ reason }) => `<span class="tag no">${escape(reason)}</span>`),
    ...account.listsOf(profile.id).map((list) => `<span class="tag">${escape(list.name)}</span>`),
  ];
  return `<article><h3>${escape(name || profile.email || profile.externalId || profile.phone || profile.id)}</h3>
<small>${[profile.email, profile.phone, profile.externalId, profile.id].filter(Boolean).map(escape).join(' · ')}<br>updated ${escape(instant(profile.updated).slice(0, 19).replace('T', ' '))}</small>
<div>${tags.join('')}</div>${rows.length > 0 ? `<table>${rows.join('')}</table>` : ''}${events.length > 0 ? `<h3 style="margin-top:12px">Last events</h3><table>${events.join('')}</table>` : ''}</article>`;
}

function consentTag(channel: string, consent: string): string {
  const tone = consent === 'SUBSCRIBED' ? ' yes' : consent === 'UNSUBSCRIBED' ? ' no' : '';
  return `<span class="tag${tone}">${channel}: ${escape(consent.toLowerCase().replace('_', ' '))}</span>`;
}
