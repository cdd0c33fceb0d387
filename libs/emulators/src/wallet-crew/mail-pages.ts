import { html } from '../http/exchange.js';
import { escape, page } from '../http/page.js';
import type { Call, Operation } from './call.js';
import { now } from './call.js';
import type { Customer, Pass, Tenant } from './tenant.js';
import type { Device } from './story.js';

/** The pages behind the links in messages. Whoever has the link may open it, so everything hangs on `neo.authToken`. */

const denied = () => html(401, page('Link not valid', '<h1>This link is not valid</h1><p>The link carries no <code>neo.authToken</code> that belongs to a customer of this tenant.</p>'));

function visitor({ tenant, exchange }: Call): Customer | undefined {
  return tenant.customerOfToken(exchange.query.get('neo.authToken') ?? '');
}

const hello = (customer: Customer) => escape(customer.account['firstName'] ?? customer.identifiers['email'] ?? customer.id);

/** Enrolment or registration: the pass is not installed yet. */
const mail: Operation = {
  id: 'mail_page',
  run: (call) => {
    const customer = visitor(call);
    if (!customer) return denied();
    return html(200, page('Join', `<h1>Welcome, ${hello(customer)}</h1><p>Your details are known here: nothing to type in again.</p>${cards(call.tenant, customer)}`));
  },
};

/** The pass exists: look at it and add it to a wallet. */
const confirm: Operation = {
  id: 'mail_confirm_page',
  run: (call) => {
    const customer = visitor(call);
    if (!customer) return denied();
    return html(200, page('Your pass', `<h1>Your pass, ${hello(customer)}</h1>${cards(call.tenant, customer)}`));
  },
};

/** Stands in for the phone: adds the pass to a wallet or removes it, and the tenant's subscribers hear of it. */
const tap: Operation = {
  id: 'tap_wallet',
  run: (call) => {
    const customer = visitor(call);
    if (!customer) return denied();
    const form = new URLSearchParams(call.exchange.body.toString());
    const pass = call.tenant.passesOf(customer).find(({ id }) => id === form.get('passId'));
    const device: Device = form.get('device') === 'google' ? 'google' : 'apple';
    if (pass) {
      const installed = pass.providers[device] !== undefined;
      const event = {
        kind: installed ? 'Pass:Uninstalled' : 'Pass:Installed', at: now(call), passId: pass.id, passType: pass.passType, device, identifiers: pass.identifiers,
        metadata: pass.metadata as Record<string, string>, additionalInformation: { activeRegistrationCount: installed ? 0 : 1, totalRegistrationCount: 1, medium: 'email' },
      };
      call.tenant.apply(event);
      call.announce(event);
    }
    return { status: 303, headers: { location: `/${call.tenant.id}/mail/confirm?neo.authToken=${encodeURIComponent(customer.token)}` } };
  },
};

function cards(tenant: Tenant, customer: Customer): string {
  const passes = tenant.passesOf(customer);
  if (passes.length === 0) return '<p>There is no pass yet.</p>';
  return passes.map((pass) => `<article><h3>${escape(pass.passType)}</h3><small>${escape(pass.id)}</small>
<div>${button(tenant, customer, pass, 'apple', 'Apple Wallet')} ${button(tenant, customer, pass, 'google', 'Google Wallet')}</div></article>`).join('');
}

function button(tenant: Tenant, customer: Customer, pass: Pass, device: Device, name: string): string {
  const action = `/${encodeURIComponent(tenant.id)}/mail/tap?neo.authToken=${encodeURIComponent(customer.token)}`;
  return `<form method="post" action="${escape(action)}" style="display:inline"><input type="hidden" name="passId" value="${escape(pass.id)}"><input type="hidden" name="device" value="${device}"><button>${pass.providers[device] ? 'Remove from' : 'Add to'} ${name}</button></form>`;
}

export const mailPages = { mail, confirm, tap };
