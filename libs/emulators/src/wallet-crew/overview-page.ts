import { escape, page } from '../http/page.js';
import type { Customer, Tenant } from './tenant.js';

const shown = 100;

/** The tenant as a person can look at it. Links open the pages a message would lead to. */
export function overviewPage(tenants: Iterable<Tenant>): string {
  const sections = [...tenants].map((tenant) => {
    const customers = [...tenant.customers.values()].slice(-shown).reverse();
    const installed = [...tenant.passes.values()].filter(({ providers }) => Object.keys(providers).length > 0).length;
    return `<h2>Tenant ${escape(tenant.id)}</h2>
<p>${tenant.customers.size} customers, ${tenant.passes.size} passes (${installed} installed), ${tenant.subscriptions.list().length} webhook subscriptions, ${tenant.notifications.length} notifications sent</p>
${customers.map((customer) => customerCard(tenant, customer)).join('') || '<p>No customer yet.</p>'}`;
  });
  return page('The Wallet Crew emulator', `<h1>The Wallet Crew emulator</h1><p>What this stand-in for The Wallet Crew holds at this moment.</p>
<nav><a href="/__emulator/passes">passes</a><a href="/__emulator/customers">customers</a><a href="/__emulator/webhooks">webhooks</a><a href="/__emulator/deliveries">deliveries</a><a href="/__emulator/requests">requests</a><a href="/__emulator/stats">stats</a></nav>${sections.join('')}`);
}

function customerCard(tenant: Tenant, customer: Customer): string {
  const link = (path: string, text: string) => `<a href="/${escape(tenant.id)}/${path}?neo.authToken=${encodeURIComponent(customer.token)}">${text}</a>`;
  const passes = tenant.passesOf(customer).map((pass) =>
    `<tr><th>${escape(pass.passType)}<br><code>${escape(pass.id)}</code></th><td>${Object.entries(pass.providers).map(([wallet, since]) => `<span class="tag yes">${escape(wallet)} since ${escape(since.slice(0, 16).replace('T', ' '))}</span>`).join('') || '<span class="tag">in no wallet</span>'}</td></tr>`);
  const name = [customer.account['firstName'], customer.account['lastName']].filter(Boolean).join(' ') || customer.id;
  return `<article><h3>${escape(name)}</h3><small>${Object.entries(customer.identifiers).map(([key, value]) => `${escape(key)} ${escape(value)}`).join(' · ')}</small>
<div>${link('mail', 'enrolment page')} · ${link('mail/confirm', 'pass page')}</div>${passes.length > 0 ? `<table>${passes.join('')}</table>` : ''}</article>`;
}
